/* The most trivial stdio MCP server there is, so that what is measured is what stands in front of it.
 *
 * Answers `initialize`, `tools/list` and `tools/call` with constant results and nothing else with an empty one. It finds
 * `id` and `method` at the top level of each line by one scan, and writes all answers to what one read brought at once. */
#include <string.h>
#include <unistd.h>

enum { capacity = 4 << 20 };
static char input[capacity], output[capacity];
static size_t filled, written;

static const char *initialize =
    "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"stdio-echo\",\"version\":\"1\"}}";
static const char *list = "{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}]}";
static const char *call = "{\"content\":[{\"type\":\"text\",\"text\":\"hello\"}],\"isError\":false}";

static void flush(void) {
    for (size_t sent = 0; sent < written;) {
        ssize_t count = write(1, output + sent, written - sent);
        if (count <= 0) _exit(0);
        sent += (size_t)count;
    }
    written = 0;
}

static void put(const char *text, size_t length) {
    if (written + length > capacity) flush();
    memcpy(output + written, text, length);
    written += length;
}

/* The value that begins at `at`: a string with its quotes, or a number. */
static size_t length_of_value(const char *at, const char *end) {
    const char *p = at;
    if (p < end && *p == '"') {
        for (p++; p < end && *p != '"'; p++)
            if (*p == '\\') p++;
        return (size_t)(p - at) + 1;
    }
    while (p < end && *p != ',' && *p != '}' && *p != ' ') p++;
    return (size_t)(p - at);
}

static int is(const char *value, size_t length, const char *word) {
    return length == strlen(word) && memcmp(value, word, length) == 0;
}

static void answer(const char *line, const char *end) {
    const char *id = 0, *method = "";
    size_t id_length = 0, method_length = 0;
    int depth = 0;
    for (const char *p = line; p < end; p++) {
        if (*p == '{' || *p == '[') depth++;
        else if (*p == '}' || *p == ']') depth--;
        else if (*p == '"') {
            size_t length = length_of_value(p, end);
            const char *after = p + length;
            while (after < end && *after == ' ') after++;
            if (depth == 1 && after < end && *after == ':') {
                const char *value = after + 1;
                while (value < end && *value == ' ') value++;
                if (is(p, length, "\"id\"")) id = value, id_length = length_of_value(value, end);
                if (is(p, length, "\"method\"")) method = value, method_length = length_of_value(value, end);
            }
            p += length - 1;
        }
    }
    if (!id || method_length == 0) return;
    const char *result = is(method, method_length, "\"tools/call\"")   ? call
                         : is(method, method_length, "\"initialize\"") ? initialize
                         : is(method, method_length, "\"tools/list\"") ? list
                                                                       : "{}";
    put("{\"jsonrpc\":\"2.0\",\"id\":", 22);
    put(id, id_length);
    put(",\"result\":", 10);
    put(result, strlen(result));
    put("}\n", 2);
}

int main(void) {
    for (;;) {
        if (filled == capacity) _exit(1);
        ssize_t count = read(0, input + filled, capacity - filled);
        if (count <= 0) return 0;
        filled += (size_t)count;
        char *line = input, *end = input + filled, *stop;
        while ((stop = memchr(line, '\n', (size_t)(end - line)))) {
            answer(line, stop);
            line = stop + 1;
        }
        filled = (size_t)(end - line);
        memmove(input, line, filled);
        flush();
    }
}
