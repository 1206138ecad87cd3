/* FFmpeg's video decoders for JavaScript: one stream at a time, its pictures one by one.

   The caller writes a packet to buffer(size), calls send(size) (0 ends the stream), and takes pictures
   by receive() until it gives 0. Samples are read where the decoder has them, without a copy. */
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <emscripten.h>

static AVCodecContext *context;
static AVFrame *frame;
static AVPacket *packet;

static const enum AVCodecID IDS[] = {
    AV_CODEC_ID_HEVC, AV_CODEC_ID_H264, AV_CODEC_ID_VP9, AV_CODEC_ID_FFV1};

static enum AVPixelFormat grey(int bits)
{
    switch (bits) {
    case 8: return AV_PIX_FMT_GRAY8;
    case 9: return AV_PIX_FMT_GRAY9LE;
    case 10: return AV_PIX_FMT_GRAY10LE;
    case 12: return AV_PIX_FMT_GRAY12LE;
    case 14: return AV_PIX_FMT_GRAY14LE;
    default: return AV_PIX_FMT_GRAY16LE;
    }
}

EMSCRIPTEN_KEEPALIVE void close_decoder(void)
{
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&context);
}

/* coder: an index of IDS. Pictures of more than most_pixels are refused before anything is allocated. */
EMSCRIPTEN_KEEPALIVE int open_decoder(int coder, int bits, int width, int height, double most_pixels)
{
    const AVCodec *codec;

    close_decoder();
    av_log_set_level(AV_LOG_QUIET);
    if (coder < 0 || coder > 3 || !(codec = avcodec_find_decoder(IDS[coder])))
        return AVERROR_DECODER_NOT_FOUND;
    context = avcodec_alloc_context3(codec);
    frame = av_frame_alloc();
    packet = av_packet_alloc();
    if (!context || !frame || !packet)
        return AVERROR(ENOMEM);
    context->thread_count = 1;
    context->max_pixels = (int64_t)most_pixels;
    if (IDS[coder] == AV_CODEC_ID_FFV1) {
        context->width = width;
        context->height = height;
        context->pix_fmt = grey(bits);
    }
    return avcodec_open2(context, codec, NULL);
}

EMSCRIPTEN_KEEPALIVE uint8_t *buffer(int size)
{
    av_packet_unref(packet);
    return av_new_packet(packet, size) < 0 ? NULL : packet->data;
}

EMSCRIPTEN_KEEPALIVE int send(int size)
{
    int result = avcodec_send_packet(context, size ? packet : NULL);

    av_packet_unref(packet);
    return result;
}

/* 1: there is a picture. 0: none before the next packet, or none at all. Below 0: an error. */
EMSCRIPTEN_KEEPALIVE int receive(void)
{
    int result = avcodec_receive_frame(context, frame);

    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
        return 0;
    return result < 0 ? result : 1;
}

EMSCRIPTEN_KEEPALIVE int width(void) { return frame->width; }
EMSCRIPTEN_KEEPALIVE int height(void) { return frame->height; }
EMSCRIPTEN_KEEPALIVE int stride(void) { return frame->linesize[0]; }
EMSCRIPTEN_KEEPALIVE uint8_t *samples(void) { return frame->data[0]; }
EMSCRIPTEN_KEEPALIVE int depth(void)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);

    return format ? format->comp[0].depth : 0;
}
