#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "reconciler/result.h"

// Quantities as people write them. Errors: invalid, with the accepted form and what was got;
// overflow is an error.
namespace fairlead {

// "512M", "2G", "1.5G", "64k", "1048576": bytes, with powers of 1024; also "MiB", "MB" (the same),
// lower case.
Result<std::int64_t> parse_bytes(std::string_view text);
// "90s", "48h", "250ms", "1m30s": a number needs its unit.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "0.5", "2": whole CPUs to billionths. At least 0.01.
Result<std::int64_t> parse_cpus(std::string_view text);

std::string format_bytes(std::int64_t bytes);  // "512M"; the largest unit without a remainder
std::string format_duration(std::chrono::nanoseconds duration);  // "1m30s", "2.4s", "18ms"
std::string format_cpus(std::int64_t nano_cpus);                 // "0.5"

}  // namespace fairlead
