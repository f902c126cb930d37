# shellcheck shell=bash
# The names of the tests and what became of them; sourced by the scripts that make tables of them.

# named_tests: file, line and name of every test, as Swift Testing will print the name.
named_tests() {
    # shellcheck disable=SC2016  # awk's own variables
    find Tests -name '*.swift' | LC_ALL=C sort | xargs awk '
        function take(text) {
            if (!match(text, /^[ \t]*"([^"\\]|\\.)*"/)) return
            name = substr(text, RSTART, RLENGTH)
            sub(/^[ \t]*"/, "", name); sub(/"$/, "", name); gsub(/\\"/, "\"", name)
            print FILENAME "\t" FNR "\t" name
        }
        pending { pending = 0; take($0) }
        { at = index($0, "@Test("); if (at) { rest = substr($0, at + 6); if (rest ~ /^[ \t]*$/) pending = 1; else take(rest) } }'
}

# outcomes LOG: what became of each name: "passed", "failed" or, where the test says what it misses here, "skipped".
outcomes() {
    awk '
        # An argument with a NUL in it ends its line early, and the next one continues there.
        /^◇ +Test case passing .*(✔|✘) +Test / { match($0, /(✔|✘) +Test [^✔✘]*$/); if (RSTART > 0) $0 = substr($0, RSTART) }
        /^(✔|✘|✅|❌) +Test ".* (passed|failed) after / {
            outcome = /^(✔|✅)/ ? "passed" : "failed"
            sub(/^[^"]*"/, ""); sub(/ (passed|failed) after .*$/, ""); sub(/ with [0-9]+ test cases?$/, ""); sub(/"$/, "")
            print outcome "\t" $0
        }
        /^➜ +Test ".* skipped(: ".*")?\.?$/ {
            sub(/^[^"]*"/, ""); sub(/" skipped(: ".*")?\.?$/, "")
            print "skipped\t" $0
        }' "$1"
}
