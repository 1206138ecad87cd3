"""Run the command line as ``python -m numcodecs_video.cli``."""

from numcodecs_video.cli import main

main()
