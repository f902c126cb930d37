// A C interface to Boost.Beast's HTTP/1.1 request parser: it parses, it does no I/O, it decides nothing that Swift's
// `Admission` can decide. Offsets instead of pointers wherever a result outlives the call.
#ifndef SALLYPORT_CBEAST_H
#define SALLYPORT_CBEAST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_request_parser sp_request_parser;

/// What a call of sp_request_parser_feed came to.
typedef enum {
    /// The input is used up, but for the bytes that were not consumed: give them again, with more behind them.
    SP_NEED_MORE = 0,
    /// The head is complete; the content, if any, is not yet looked at.
    SP_HEAD = 1,
    /// A piece of the content.
    SP_CONTENT = 2,
    /// The message is complete.
    SP_END = 3,
    /// The message is malformed; the parser must not be fed again.
    SP_REFUSED = 4
} sp_event;

/// Why a message is refused.
typedef enum {
    SP_MALFORMED = 0,
    SP_LINE_TOO_LONG = 1,
    SP_FIELDS_TOO_LARGE = 2
} sp_reason;

typedef struct {
    sp_event event;
    sp_reason reason;
    /// Bytes of the input that are done with.
    size_t consumed;
    /// The piece of content, inside the input.
    size_t content_start;
    size_t content_count;
} sp_step;

/// Field names that the caller treats apart.
typedef enum {
    SP_FIELD_OTHER = 0,
    SP_FIELD_HOST,
    SP_FIELD_CONTENT_LENGTH,
    SP_FIELD_TRANSFER_ENCODING,
    SP_FIELD_CONNECTION,
    SP_FIELD_EXPECT,
    SP_FIELD_CONTENT_ENCODING,
    /// Concerns this connection alone and is not handed on.
    SP_FIELD_HOP_BY_HOP
} sp_field_kind;

/// A field inside the text of the head: its name in lower case, directly followed by its value without blanks around.
typedef struct {
    uint32_t start;
    uint32_t name_count;
    uint32_t value_count;
    uint8_t kind;
    /// Whether the value has bytes of 0x80 and above.
    uint8_t has_high_bytes;
} sp_field;

/// The head. Valid until the next call with the same parser.
typedef struct {
    /// The method, then the target, then the fields.
    const uint8_t *text;
    size_t text_count;
    const sp_field *fields;
    size_t field_count;
    uint32_t method_count;
    uint32_t target_count;
    /// 0 or 1.
    int minor_version;
} sp_head;

/// Bounds of a head; see HTTPLimits.
typedef struct {
    size_t line;
    size_t field;
    size_t fields;
    size_t field_count;
    size_t chunk_extension;
} sp_limits;

/// NULL when there is no memory.
sp_request_parser *sp_request_parser_new(sp_limits limits);
void sp_request_parser_free(sp_request_parser *parser);
/// Prepares for the next message; keeps the memory of an ordinary head.
void sp_request_parser_reset(sp_request_parser *parser);
sp_step sp_request_parser_feed(sp_request_parser *parser, const uint8_t *bytes, size_t count);
sp_head sp_request_parser_head(const sp_request_parser *parser);

#ifdef __cplusplus
}
#endif

#endif
