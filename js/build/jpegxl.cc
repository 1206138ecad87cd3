// libjxl's decoder for JavaScript: one picture to its planes, grey first and then the extra channels.
#include <emscripten.h>
#include <stdint.h>

#include "jxl/decode.h"

// Write planes * height * width samples of one byte (depth 8) or two to out. 0, or the step that failed.
extern "C" EMSCRIPTEN_KEEPALIVE int decode(const uint8_t* data, size_t size, int planes, int height,
                                           int width, int depth, uint8_t* out) {
  JxlDecoder* decoder = JxlDecoderCreate(nullptr);
  if (decoder == nullptr) return 1;
  const size_t bytes = static_cast<size_t>(height) * width * (depth == 8 ? 1 : 2);
  const JxlPixelFormat format = {1, depth == 8 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
                                 JXL_LITTLE_ENDIAN, 0};
  int failed = 2;
  bool pictured = false;
  if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) ==
          JXL_DEC_SUCCESS &&
      JxlDecoderSetKeepOrientation(decoder, JXL_TRUE) == JXL_DEC_SUCCESS &&
      JxlDecoderSetInput(decoder, data, size) == JXL_DEC_SUCCESS) {
    JxlDecoderCloseInput(decoder);
    for (bool more = true; more;) {
      switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO: {
          // What the picture says of its size is checked before anything of that size is allocated.
          JxlBasicInfo info;
          failed = 3;
          more = JxlDecoderGetBasicInfo(decoder, &info) == JXL_DEC_SUCCESS &&
                 info.xsize == static_cast<uint32_t>(width) &&
                 info.ysize == static_cast<uint32_t>(height) && info.num_color_channels == 1 &&
                 info.num_extra_channels == static_cast<uint32_t>(planes - 1) &&
                 info.bits_per_sample == static_cast<uint32_t>(depth) &&
                 info.exponent_bits_per_sample == 0;
          break;
        }
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
          failed = 4;
          more = JxlDecoderSetImageOutBuffer(decoder, &format, out, bytes) == JXL_DEC_SUCCESS;
          for (int p = 1; more && p < planes; p++) {
            more = JxlDecoderSetExtraChannelBuffer(decoder, &format, out + p * bytes, bytes,
                                                   p - 1) == JXL_DEC_SUCCESS;
          }
          break;
        case JXL_DEC_FULL_IMAGE:
          pictured = true;
          more = false;
          break;
        default:
          failed = 5;
          more = false;
      }
    }
  }
  JxlDecoderDestroy(decoder);
  return pictured ? 0 : failed;
}
