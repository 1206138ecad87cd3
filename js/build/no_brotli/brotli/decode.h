/* libjxl decompresses metadata boxes by Brotli. No picture of a payload has any, so none is decompressed. */
#ifndef NO_BROTLI_DECODE_H
#define NO_BROTLI_DECODE_H
#include <stddef.h>
#include <stdint.h>
typedef struct BrotliDecoderState BrotliDecoderState;
typedef enum {
  BROTLI_DECODER_RESULT_ERROR = 0,
  BROTLI_DECODER_RESULT_SUCCESS = 1,
  BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT = 2,
  BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT = 3
} BrotliDecoderResult;
static inline BrotliDecoderState* BrotliDecoderCreateInstance(void* a, void* f, void* o) {
  (void)a, (void)f, (void)o;
  return NULL;
}
static inline void BrotliDecoderDestroyInstance(BrotliDecoderState* s) { (void)s; }
static inline BrotliDecoderResult BrotliDecoderDecompressStream(BrotliDecoderState* s, size_t* ai,
                                                                const uint8_t** ni, size_t* ao,
                                                                uint8_t** no, size_t* total) {
  (void)s, (void)ai, (void)ni, (void)ao, (void)no, (void)total;
  return BROTLI_DECODER_RESULT_ERROR;
}
#endif
