/* dav1d, AV1's decoder, for JavaScript: the functions of ffmpeg.c, so that both are used alike. */
#include <dav1d/dav1d.h>
#include <emscripten.h>
#include <errno.h>
#include <string.h>

static Dav1dContext *context;
static Dav1dData data;
static Dav1dPicture picture;

EMSCRIPTEN_KEEPALIVE void close_decoder(void)
{
    dav1d_picture_unref(&picture);
    dav1d_data_unref(&data);
    dav1d_close(&context);
}

EMSCRIPTEN_KEEPALIVE int open_decoder(int coder, int bits, int width, int height, double most_pixels)
{
    Dav1dSettings settings;

    (void)coder, (void)bits, (void)width, (void)height;
    close_decoder();
    dav1d_default_settings(&settings);
    settings.n_threads = 1;
    settings.max_frame_delay = 1;
    settings.all_layers = 0;
    settings.frame_size_limit = (unsigned)most_pixels;
    settings.logger.callback = NULL;
    return dav1d_open(&context, &settings);
}

EMSCRIPTEN_KEEPALIVE uint8_t *buffer(int size)
{
    dav1d_data_unref(&data);
    return dav1d_data_create(&data, size);
}

/* Nothing to be done: receive() hands over what is in the buffer, and nothing at the end. */
EMSCRIPTEN_KEEPALIVE int send(int size)
{
    (void)size;
    return 0;
}

/* The decoder takes a temporal unit in as many pieces as it has pictures. */
EMSCRIPTEN_KEEPALIVE int receive(void)
{
    int result;

    dav1d_picture_unref(&picture);
    do {
        if (data.sz) {
            result = dav1d_send_data(context, &data);
            if (result < 0 && result != DAV1D_ERR(EAGAIN))
                return result;
        }
        result = dav1d_get_picture(context, &picture);
    } while (result == DAV1D_ERR(EAGAIN) && data.sz);
    return result == DAV1D_ERR(EAGAIN) ? 0 : result < 0 ? result : 1;
}

EMSCRIPTEN_KEEPALIVE int width(void) { return picture.p.w; }
EMSCRIPTEN_KEEPALIVE int height(void) { return picture.p.h; }
EMSCRIPTEN_KEEPALIVE int stride(void) { return (int)picture.stride[0]; }
EMSCRIPTEN_KEEPALIVE int depth(void) { return picture.p.bpc; }
EMSCRIPTEN_KEEPALIVE uint8_t *samples(void) { return picture.data[0]; }
