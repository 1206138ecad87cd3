/* Zstandard's decoder for JavaScript. Gives the number of bytes, or -1 where the stream is damaged or
   holds more than the capacity. */
#include <emscripten.h>
#include <zstd.h>

EMSCRIPTEN_KEEPALIVE double decompress(void *out, size_t capacity, const void *data, size_t size)
{
    size_t filled = ZSTD_decompress(out, capacity, data, size);

    return ZSTD_isError(filled) ? -1 : (double)filled;
}
