/* OpenJPEG's decoder for JavaScript: one codestream to the samples of its components. */
#include <emscripten.h>
#include <openjpeg.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t size, at;
} Source;

static OPJ_SIZE_T read_bytes(void *buffer, OPJ_SIZE_T count, void *user)
{
    Source *source = user;
    size_t left = source->size - source->at;

    if (!left)
        return (OPJ_SIZE_T)-1;
    if (count > left)
        count = left;
    memcpy(buffer, source->data + source->at, count);
    source->at += count;
    return count;
}

static OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void *user)
{
    Source *source = user;

    if (count < 0 || (uint64_t)count > source->size - source->at)
        return -1;
    source->at += (size_t)count;
    return count;
}

static OPJ_BOOL seek_bytes(OPJ_OFF_T position, void *user)
{
    Source *source = user;

    if (position < 0 || (uint64_t)position > source->size)
        return OPJ_FALSE;
    source->at = (size_t)position;
    return OPJ_TRUE;
}

/* Write planes * height * width samples of one byte (depth 8) or two to out. 0, or the step that failed. */
EMSCRIPTEN_KEEPALIVE int decode(
    const uint8_t *data, size_t size, int planes, int height, int width, int depth, void *out)
{
    Source source = {data, size, 0};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
    size_t count = (size_t)height * width;
    int failed = 1;

    if (!codec || !stream)
        goto end;
    opj_stream_set_user_data(stream, &source, NULL);
    opj_stream_set_user_data_length(stream, size);
    opj_stream_set_read_function(stream, read_bytes);
    opj_stream_set_skip_function(stream, skip_bytes);
    opj_stream_set_seek_function(stream, seek_bytes);
    opj_set_default_decoder_parameters(&parameters);
    failed = 2;
    if (!opj_setup_decoder(codec, &parameters) || !opj_read_header(stream, codec, &image))
        goto end;
    failed = 3;
    if (!opj_decode(codec, stream, image) || !opj_end_decompress(codec, stream))
        goto end;
    failed = 4;
    if ((int)image->numcomps != planes)
        goto end;
    for (int p = 0; p < planes; p++) {
        const opj_image_comp_t *component = &image->comps[p];

        if (!component->data || (int)component->w != width || (int)component->h != height
            || (int)component->prec != depth || component->sgnd)
            goto end;
        for (size_t i = 0; i < count; i++)
            if (depth == 8)
                ((uint8_t *)out)[p * count + i] = (uint8_t)component->data[i];
            else
                ((uint16_t *)out)[p * count + i] = (uint16_t)component->data[i];
    }
    failed = 0;
end:
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return failed;
}
