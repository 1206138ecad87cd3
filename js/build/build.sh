#!/usr/bin/env bash
# Compile the decoders to js/wasm/*.wasm. All of them, or those that are named:
#     js/build/build.sh [ffmpeg] [dav1d] [jpegxl] [jpeg2k] [zstd] [pcodec]
# Needs Debian's emscripten (3.1.6), and for the sources npm and apt-get with deb-src lines, or the
# archives of sources.sha256 in $SOURCES. Work is done in $SCRATCH, a new directory by default.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$here/../wasm
: "${SCRATCH:=$(mktemp -d)}" "${SOURCES:=$SCRATCH/sources}" "${JOBS:=2}"
export NODE_PATH=/usr/share/nodejs
mkdir -p "$SCRATCH" "$SOURCES" "$out"

ffmpeg=ffmpeg-9.0 libjxl=libjxl-0.7.0 highway=highway-1.0.3 openjpeg=openjpeg-2.5.0 zstd=zstd-1.5.4 dav1d=dav1d-1.0.0
# Clang 14 vectorises straight-line code for WebAssembly wrongly (libjxl then fails to read any header).
simd=(-O3 -msimd128 -fno-slp-vectorize)
module=(-sSTANDALONE_WASM --no-entry -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=2147483648
    -sFILESYSTEM=0 -sEXPORTED_FUNCTIONS=_malloc,_free -sINITIAL_MEMORY=8388608 -sTOTAL_STACK=2097152)

# Put the archive $1 into $SOURCES by the command that follows, unless it is there; check its digest.
obtain() {
    local archive=$1
    shift
    [[ -e $SOURCES/$archive ]] || (cd "$SOURCES" && "$@")
    (cd "$SOURCES" && grep " $archive\$" "$here/sources.sha256" | sha256sum --check --quiet)
}

from_npm() { # of libav.js, which carries the sources of what it builds
    npm pack --silent libav.js@6.10.9 > /dev/null
    tar xzf libav.js-6.10.9.tgz --strip-components=2 "package/sources/$1"
    rm libav.js-6.10.9.tgz
}

from_debian() { apt-get source --quiet --quiet --download-only "$1=$2"; }

# Unpack the archive $1, and apply Debian's patches (security fixes among them) from $2 if given.
unpack() {
    tar xf "$SOURCES/$1" -C "$SCRATCH"
    [[ -z ${2:-} ]] && return
    rm -rf "$SCRATCH/debian"
    tar xf "$SOURCES/$2" -C "$SCRATCH" debian
    local patch
    while read -r patch; do
        [[ -z $patch || $patch == \#* ]] && continue
        patch --directory="$SCRATCH/$3" --strip=1 --silent --force < "$SCRATCH/debian/patches/${patch%% *}"
    done < "$SCRATCH/debian/patches/series"
}

# Compile each file after "--" with the flags before it, to the directory $objects. Neither the names of
# the objects nor what is in them depend on where that is: the same sources give the same module.
compile() {
    local flags=("-ffile-prefix-map=$SCRATCH=." "-ffile-prefix-map=$here=.") file number=100
    while [[ $1 != -- ]]; do flags+=("$1"); shift; done
    shift
    objects=$(mktemp -d "$SCRATCH/objects.XXXX")
    for file in "$@"; do printf '%s\0%s\0' $((number++)) "$file"; done |
        xargs -0 -n 2 -P "$JOBS" bash -c 'number=${*: -2:1} file=${*: -1}
            set -- "${@:1:$#-2}" -c "$file" -o "$0/$number.o"
            case $file in *.cc) exec em++ -std=c++17 "$@";; esac
            exec emcc "$@"' "$objects" "${flags[@]}"
}

build_ffmpeg() {
    obtain $ffmpeg.tar.xz from_npm $ffmpeg.tar.xz
    unpack $ffmpeg.tar.xz
    mkdir -p "$SCRATCH/ffmpeg"
    cd "$SCRATCH/ffmpeg"
    # LGPL: neither --enable-gpl nor --enable-nonfree.
    emconfigure "../$ffmpeg/configure" --cc=emcc --cxx=em++ --ar=emar --ranlib=emranlib --nm=emnm \
        --objcc=emcc --dep-cc=emcc --enable-cross-compile --target-os=none --arch=wasm32 --cpu=generic \
        --disable-all --disable-everything --enable-avcodec --enable-decoder=hevc,h264,vp9,ffv1 \
        --enable-small --disable-asm --disable-inline-asm --disable-pthreads --disable-debug \
        --disable-stripping --disable-runtime-cpudetect --disable-autodetect --disable-network \
        --extra-cflags="${simd[*]}" > configure.log
    make -j"$JOBS" libavcodec/libavcodec.a libavutil/libavutil.a > make.log 2>&1
    emcc "${simd[@]}" "-I../$ffmpeg" -I. "$here/ffmpeg.c" libavcodec/libavcodec.a libavutil/libavutil.a \
        "${module[@]}" -o "$out/ffmpeg.wasm"
}

build_dav1d() {
    obtain dav1d_1.0.0.orig.tar.xz from_debian dav1d 1.0.0-2+deb12u1
    obtain dav1d_1.0.0-2+deb12u1.debian.tar.xz from_debian dav1d 1.0.0-2+deb12u1
    unpack dav1d_1.0.0.orig.tar.xz dav1d_1.0.0-2+deb12u1.debian.tar.xz $dav1d
    cd "$SCRATCH/$dav1d"
    local generated=$SCRATCH/generated/dav1d depth name
    mkdir -p "$generated"
    printf '#define %s\n' 'ARCH_AARCH64 0' 'ARCH_ARM 0' 'ARCH_PPC64LE 0' 'ARCH_X86 0' 'ARCH_X86_32 0' 'ARCH_X86_64 0' \
        'CONFIG_8BPC 1' 'CONFIG_16BPC 1' 'CONFIG_LOG 0' 'ENDIANNESS_BIG 0' 'HAVE_ASM 0' 'HAVE_ALIGNED_ALLOC 0' \
        'HAVE_POSIX_MEMALIGN 1' 'HAVE_CLOCK_GETTIME 0' 'HAVE_DLSYM 0' 'HAVE_GETAUXVAL 0' 'HAVE_UNISTD_H 1' \
        'HAVE_C11_GENERIC 1' '_GNU_SOURCE 1' > "$generated/config.h"
    echo '#define DAV1D_VERSION "1.0.0"' > "$generated/vcs_version.h"
    printf '#define DAV1D_API_VERSION_%s\n' 'MAJOR 6' 'MINOR 7' 'PATCH 0' > "$generated/version.h"
    # Of each file with BITDEPTH, two copies.
    for name in src/*_tmpl.c; do
        for depth in 8 16; do
            printf '#define BITDEPTH %s\n#include "%s"\n' "$depth" "$name" > "$generated/$(basename "$name" .c)_$depth.c"
        done
    done
    local flags=(-Oz -msimd128 -fno-slp-vectorize "-I$generated" -I. -Iinclude -Iinclude/dav1d -Iinclude/compat/gcc -DNDEBUG -Wno-everything)
    # shellcheck disable=SC2046
    compile "${flags[@]}" -- "$generated"/*_tmpl_*.c $(ls src/*.c | grep -v _tmpl) "$here/dav1d.c"
    emcc "${simd[@]}" "$objects"/*.o "${module[@]}" -o "$out/dav1d.wasm"
}

build_jpegxl() {
    obtain jpeg-xl_0.7.0.orig.tar.gz from_debian jpeg-xl 0.7.0-10+deb12u1
    obtain jpeg-xl_0.7.0-10+deb12u1.debian.tar.xz from_debian jpeg-xl 0.7.0-10+deb12u1
    obtain highway_1.0.3.orig.tar.gz from_debian highway 1.0.3-3+deb12u1
    unpack jpeg-xl_0.7.0.orig.tar.gz jpeg-xl_0.7.0-10+deb12u1.debian.tar.xz $libjxl
    unpack highway_1.0.3.orig.tar.gz
    cd "$SCRATCH/$libjxl"
    mkdir -p "$SCRATCH/generated/jxl"
    cp lib/include/jxl/*.h "$SCRATCH/generated/jxl/"
    sed 's/@JPEGXL_MAJOR_VERSION@/0/; s/@JPEGXL_MINOR_VERSION@/7/; s/@JPEGXL_PATCH_VERSION@/0/' \
        lib/jxl/version.h.in > "$SCRATCH/generated/jxl/version.h"
    printf '#define JXL_EXPORT\n#define JXL_DEPRECATED\n' > "$SCRATCH/generated/jxl/jxl_export.h"
    local sources
    sources=$(sed -n '/^set(JPEGXL_INTERNAL_SOURCES_DEC/,/^)/p' lib/jxl.cmake | grep '\.cc$' | grep -v jpeg_data | sed 's:^ *:lib/:')
    local flags=("${simd[@]}" -I. -Ilib/include "-I$SCRATCH/generated" "-I$here/no_brotli" "-I$SCRATCH/$highway"
        -fno-exceptions -fno-rtti -DNDEBUG -DJXL_INTERNAL_LIBRARY_BUILD -DJPEGXL_ENABLE_TRANSCODE_JPEG=0
        -DJPEGXL_MAJOR_VERSION=0 -DJPEGXL_MINOR_VERSION=7 -DJPEGXL_PATCH_VERSION=0
        -DJXL_STATIC_DEFINE -DHWY_STATIC_DEFINE -Wno-everything)
    # shellcheck disable=SC2086
    compile "${flags[@]}" -- $sources "$here/jpegxl.cc" "$SCRATCH/$highway"/hwy/{aligned_allocator,targets,per_target}.cc
    em++ "${simd[@]}" "$objects"/*.o "${module[@]}" -o "$out/jpegxl.wasm"
}

build_jpeg2k() {
    obtain openjpeg2_2.5.0.orig.tar.xz from_debian openjpeg2 2.5.0-2+deb12u3
    obtain openjpeg2_2.5.0-2+deb12u3.debian.tar.xz from_debian openjpeg2 2.5.0-2+deb12u3
    unpack openjpeg2_2.5.0.orig.tar.xz openjpeg2_2.5.0-2+deb12u3.debian.tar.xz $openjpeg
    cd "$SCRATCH/$openjpeg/src/lib/openjp2"
    mkdir -p "$SCRATCH/generated/openjpeg"
    printf '%s\n' '#define OPJ_HAVE_STDINT_H 1' '#define OPJ_VERSION_MAJOR 2' '#define OPJ_VERSION_MINOR 5' \
        '#define OPJ_VERSION_BUILD 0' > "$SCRATCH/generated/openjpeg/opj_config.h"
    printf '%s\n' '#define OPJ_PACKAGE_VERSION "2.5.0"' '#define OPJ_HAVE_INTTYPES_H 1' \
        '#define OPJ_HAVE_POSIX_MEMALIGN' '#define _POSIX_C_SOURCE 200112L' \
        > "$SCRATCH/generated/openjpeg/opj_config_private.h"
    local flags=("${simd[@]}" -I. "-I$SCRATCH/generated/openjpeg" -DOPJ_STATIC -DNDEBUG -Wno-everything)
    local sources
    sources=$(ls -- *.c | grep -v -e t1_generate -e bench -e test_sparse -e _manager)
    # shellcheck disable=SC2086
    compile "${flags[@]}" -- $sources "$here/jpeg2k.c"
    emcc "${simd[@]}" "$objects"/*.o "${module[@]}" -o "$out/jpeg2k.wasm"
}

build_zstd() {
    obtain libzstd_1.5.4+dfsg2.orig.tar.xz from_debian libzstd 1.5.4+dfsg2-5
    unpack libzstd_1.5.4+dfsg2.orig.tar.xz
    cd "$SCRATCH/$zstd/lib"
    local common=(entropy_common error_private fse_decompress xxhash zstd_common) name sources=()
    for name in "${common[@]}"; do sources+=("common/$name.c"); done
    for name in huf_decompress zstd_ddict zstd_decompress zstd_decompress_block; do
        sources+=("decompress/$name.c")
    done
    compile -O3 -I. -Icommon -DZSTD_DISABLE_ASM -DDYNAMIC_BMI2=0 -- "${sources[@]}" "$here/zstd.c"
    emcc -O3 "$objects"/*.o "${module[@]}" -o "$out/zstd.wasm"
}

build_pcodec() {
    emcc -O3 "$here/pcodec.c" "${module[@]}" -o "$out/pcodec.wasm"
}

for name in "${@:-ffmpeg dav1d jpegxl jpeg2k zstd pcodec}"; do
    for one in $name; do
        echo "$one in $SCRATCH"
        (build_"$one")
        chmod 644 "$out/$one.wasm"
    done
done
