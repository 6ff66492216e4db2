#pragma once

#include <string>
#include <string_view>

#include "reconciler/document.h"
#include "reconciler/result.h"

// The bytes of a file before a YAML parser may see them. What could exhaust the parser is refused
// here: yaml-cpp keeps every token of a `[` until its `]` is found, before it reports the first
// event. Pure; errors are `invalid` with their place.
namespace fairlead {

// The text with "\n" as its only line end and without a byte order mark. Refused: more than
// limits.bytes_max, bytes that are not UTF-8, control characters other than tab and line end,
// brackets without end.
Result<std::string> clean_source(const std::string& file, std::string_view text,
                                 const ParseLimits& limits);

// The length of the UTF-8 sequence at the front of `text`, 0 where there is none (overlong forms,
// surrogates and what is beyond U+10FFFF included).
std::size_t utf8_length(std::string_view text);

// True for the control characters of ASCII and of Latin-1 (U+0080 to U+009F), tab and line end
// included.
bool is_control(std::string_view character);
// What a terminal may be given: each byte that is no UTF-8, and each control character but line
// ends and tabs, becomes "?".
std::string printable(std::string_view text);

}  // namespace fairlead
