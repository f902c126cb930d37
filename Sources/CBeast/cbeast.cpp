// Beast asserts conditions that a peer can bring about (a last chunk that arrives in two pieces): the code behind them
// copes, so the assertions must not end the process in a debug build.
#define BOOST_DISABLE_ASSERTS 1

#include "include/cbeast.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/field.hpp>

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

/// Lower case for token characters, 0 for everything else.
struct TokenTable {
    unsigned char lower[256] = {};
    TokenTable()
    {
        for (const char *p = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"; *p; ++p)
            lower[static_cast<unsigned char>(*p)] = static_cast<unsigned char>(*p);
        for (int c = 'A'; c <= 'Z'; ++c) lower[c] = static_cast<unsigned char>(c | 32);
    }
};
const TokenTable tokens;

sp_field_kind kind_of(http::field name)
{
    switch (name) {
    case http::field::host: return SP_FIELD_HOST;
    case http::field::content_length: return SP_FIELD_CONTENT_LENGTH;
    case http::field::transfer_encoding: return SP_FIELD_TRANSFER_ENCODING;
    case http::field::connection: return SP_FIELD_CONNECTION;
    case http::field::expect: return SP_FIELD_EXPECT;
    case http::field::content_encoding: return SP_FIELD_CONTENT_ENCODING;
    case http::field::keep_alive:
    case http::field::proxy_connection:
    case http::field::proxy_authorization:
    case http::field::te:
    case http::field::trailer:
    case http::field::upgrade:
    case http::field::http2_settings: return SP_FIELD_HOP_BY_HOP;
    default: break;
    }
    return SP_FIELD_OTHER;
}

/// Beast's parser with callbacks that note the head and the piece of content, without copying the content.
class Parser final : public http::basic_parser<true> {
public:
    explicit Parser(const sp_limits &limits, std::string &text, std::vector<sp_field> &fields)
        : limits_(limits), text_(text), fields_(fields)
    {
        text_.clear();
        fields_.clear();
        eager(false);
        body_limit(boost::none);
        // Ours come first; this one must only not be in the way.
        header_limit(static_cast<std::uint32_t>(limits.fields * 4 + 65536));
    }

    sp_step feed(const char *bytes, std::size_t count)
    {
        sp_step step{SP_NEED_MORE, SP_MALFORMED, 0, 0, 0};
        while (!is_done()) {
            if (step.consumed == count) return step;
            input_ = bytes + step.consumed;
            content_ = {};
            const bool had_head = is_header_done();
            boost::system::error_code error;
            step.consumed += put(boost::asio::const_buffer(input_, count - step.consumed), error);
            if (error == http::error::need_more) {
                return fits(bytes + step.consumed, count - step.consumed) ? step : refuse(step);
            }
            if (error) {
                if (error == http::error::header_limit) reason_ = SP_FIELDS_TOO_LARGE;
                return refuse(step);
            }
            if (!had_head && is_header_done()) {
                step.event = SP_HEAD;
                return step;
            }
            if (!content_.empty()) {
                step.event = SP_CONTENT;
                step.content_start = static_cast<std::size_t>(content_.data() - bytes);
                step.content_count = content_.size();
                return step;
            }
        }
        step.event = SP_END;
        return step;
    }

    std::uint32_t method_count() const { return method_count_; }
    std::uint32_t target_count() const { return target_count_; }
    int minor_version() const { return minor_version_; }

private:
    sp_step refuse(sp_step step) const
    {
        step.event = SP_REFUSED;
        step.reason = reason_;
        return step;
    }

    /// Whether what waits for more may go on waiting.
    bool fits(const char *rest, std::size_t count)
    {
        if (is_header_done()) {
            // Between chunks. Beast looks for CR LF only, and would wait for it behind a bare LF.
            for (std::size_t i = 0; i < count; ++i) {
                if (rest[i] == '\n' && (i == 0 || rest[i - 1] != '\r')) return fail(SP_MALFORMED);
            }
            return count <= limits_.field;
        }
        if (!has_line_ && count > limits_.line + 2) {
            const void *end = std::memchr(rest, '\n', limits_.line + 2);
            if (!end) return fail(SP_LINE_TOO_LONG);
        }
        return text_.size() + count <= limits_.fields || fail(SP_FIELDS_TOO_LARGE);
    }

    bool fail(sp_reason reason)
    {
        reason_ = reason;
        return false;
    }

    void fail(boost::system::error_code &error, sp_reason reason = SP_MALFORMED)
    {
        reason_ = reason;
        error = http::error::bad_value;
    }

    void on_request_impl(
        http::verb, beast::string_view method, beast::string_view target, int version,
        boost::system::error_code &error) override
    {
        has_line_ = true;
        if (method.size() + target.size() + 10 > limits_.line) return fail(error, SP_LINE_TOO_LONG);
        text_.append(method.data(), method.size());
        text_.append(target.data(), target.size());
        method_count_ = static_cast<std::uint32_t>(method.size());
        target_count_ = static_cast<std::uint32_t>(target.size());
        minor_version_ = version - 10;
    }

    void on_field_impl(
        http::field name, beast::string_view text, beast::string_view value,
        boost::system::error_code &error) override
    {
        if (is_folded(text, value)) return fail(error);
        if (is_header_done()) {
            // A trailer. None is handed on; one with a name that means something to anybody is an attack
            // (RFC 9110 §6.5.1).
            if (name != http::field::unknown) fail(error);
            return;
        }
        if (text.size() + value.size() + 2 > limits_.field) return fail(error, SP_FIELDS_TOO_LARGE);
        if (fields_.size() == limits_.field_count) return fail(error, SP_FIELDS_TOO_LARGE);
        if (text_.size() + text.size() + value.size() + 4 > limits_.fields) return fail(error, SP_FIELDS_TOO_LARGE);
        sp_field field{};
        field.start = static_cast<std::uint32_t>(text_.size());
        field.name_count = static_cast<std::uint32_t>(text.size());
        field.value_count = static_cast<std::uint32_t>(value.size());
        field.kind = kind_of(name);
        text_.resize(field.start + text.size());
        for (std::size_t i = 0; i < text.size(); ++i) {
            const unsigned char lower = tokens.lower[static_cast<unsigned char>(text[i])];
            if (lower == 0) return fail(error);
            text_[field.start + i] = static_cast<char>(lower);
        }
        unsigned char high = 0;
        for (unsigned char byte : value) high |= byte;
        field.has_high_bytes = high >> 7;
        text_.append(value.data(), value.size());
        fields_.push_back(field);
    }

    /// Beast joins folded lines (RFC 9112 §5.2): the value then lies in a buffer of its own or in a later line.
    static bool is_folded(beast::string_view name, beast::string_view value)
    {
        const char *p = name.data() + name.size() + 1;
        while (*p == ' ' || *p == '\t') ++p;
        return p != value.data();
    }

    void on_header_impl(boost::system::error_code &) override {}

    void on_body_init_impl(boost::optional<std::uint64_t> const &, boost::system::error_code &) override {}

    std::size_t on_body_impl(beast::string_view body, boost::system::error_code &) override
    {
        content_ = body;
        return body.size();
    }

    void on_chunk_header_impl(
        std::uint64_t size, beast::string_view extension, boost::system::error_code &error) override
    {
        // Digits are what lies before the extension; leading zeros count, or they would be free padding.
        const std::size_t skipped = has_chunk_ ? 2 : 0;
        const std::size_t digits = static_cast<std::size_t>(extension.data() - input_) - skipped;
        has_chunk_ = true;
        extensions_ += extension.size();
        if (digits > 16 || size > (std::uint64_t{1} << 62) || extensions_ > limits_.chunk_extension) return fail(error);
        for (unsigned char byte : extension) {
            if ((byte < 32 && byte != 9) || byte >= 127) return fail(error);
        }
    }

    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, boost::system::error_code &) override
    {
        content_ = body;
        return body.size();
    }

    void on_finish_impl(boost::system::error_code &) override {}

    void on_response_impl(int, beast::string_view, int, boost::system::error_code &) override {}

    const sp_limits &limits_;
    std::string &text_;
    std::vector<sp_field> &fields_;
    const char *input_ = nullptr;
    beast::string_view content_;
    sp_reason reason_ = SP_MALFORMED;
    std::size_t extensions_ = 0;
    std::uint32_t method_count_ = 0;
    std::uint32_t target_count_ = 0;
    int minor_version_ = 0;
    bool has_line_ = false;
    bool has_chunk_ = false;
};

} // namespace

struct sp_request_parser {
    sp_limits limits;
    std::string text;
    std::vector<sp_field> fields;
    std::optional<Parser> parser;
};

extern "C" {

sp_request_parser *sp_request_parser_new(sp_limits limits)
{
    try {
        auto *owner = new sp_request_parser{limits, {}, {}, {}};
        owner->parser.emplace(owner->limits, owner->text, owner->fields);
        return owner;
    } catch (...) {
        return nullptr;
    }
}

void sp_request_parser_free(sp_request_parser *parser)
{
    delete parser;
}

void sp_request_parser_reset(sp_request_parser *parser)
{
    // A connection that rests after a large head keeps only what an ordinary one needs.
    if (parser->text.capacity() > 4096) std::string().swap(parser->text);
    parser->parser.emplace(parser->limits, parser->text, parser->fields);
}

sp_step sp_request_parser_feed(sp_request_parser *parser, const uint8_t *bytes, size_t count)
{
    try {
        return parser->parser->feed(reinterpret_cast<const char *>(bytes), count);
    } catch (...) {
        // Only memory can fail here; the message is then too large for us.
        return sp_step{SP_REFUSED, SP_FIELDS_TOO_LARGE, 0, 0, 0};
    }
}

sp_head sp_request_parser_head(const sp_request_parser *parser)
{
    return sp_head{
        reinterpret_cast<const uint8_t *>(parser->text.data()),
        parser->text.size(),
        parser->fields.data(),
        parser->fields.size(),
        parser->parser->method_count(),
        parser->parser->target_count(),
        parser->parser->minor_version(),
    };
}

} // extern "C"
