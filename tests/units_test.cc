#include "reconciler/units.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

template <typename T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : result.error().message;
}

}  // namespace

TEST_CASE("bytes are read in powers of 1024, whatever the spelling of the unit") {
  CHECK(parse_bytes("512M").value() == 536'870'912);
  CHECK(parse_bytes("2G").value() == 2'147'483'648);
  CHECK(parse_bytes("1.5G").value() == 1'610'612'736);
  CHECK(parse_bytes("64k").value() == 65'536);
  CHECK(parse_bytes("64K").value() == 65'536);
  CHECK(parse_bytes("1048576").value() == 1'048'576);
  CHECK(parse_bytes("1048576B").value() == 1'048'576);
  CHECK(parse_bytes("1MiB").value() == 1'048'576);
  CHECK(parse_bytes("1mb").value() == 1'048'576);
  CHECK(parse_bytes("0").value() == 0);
  CHECK(parse_bytes("0.000000001T").value() == 1099);
}

TEST_CASE("bytes that do not fit into 64 bits are refused") {
  CHECK(parse_bytes("8388607T").value() == 8'388'607ll << 40);
  CHECK(refusal(parse_bytes("8388608T")) == "is too large: \"8388608T\"");
  CHECK(parse_bytes("8388607.999999999T").ok());
  CHECK(parse_bytes("9223372036854775807").value() == std::numeric_limits<std::int64_t>::max());
  CHECK(refusal(parse_bytes("9223372036854775808")) == "is too large: \"9223372036854775808\"");
}

TEST_CASE("what is no size is refused with the accepted form") {
  CHECK(refusal(parse_bytes("lots")) == "must be a size such as 512M, 2G or 64k, got \"lots\"");
  for (const char* text : {"", "M", "-1M", "+1M", "1.M", ".5M", "1.5", "1.5B", "1 M", "1MM", "1iB",
                           "1Mi", "1P", "1e3", "0x10", "1,5G", "1.0000000001G", "1M "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text).ok());
  }
}

TEST_CASE("durations are sums of numbers with units") {
  CHECK(parse_duration("90s").value() == 90s);
  CHECK(parse_duration("48h").value() == 48h);
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("1m30s").value() == 90s);
  CHECK(parse_duration("1h0m1s").value() == 3601s);
  CHECK(parse_duration("2.4s").value() == 2400ms);
  CHECK(parse_duration("0s").value() == 0ms);
}

TEST_CASE("durations without a unit, and those that overflow, are refused") {
  CHECK(refusal(parse_duration("10")) ==
        "must be a duration such as 90s, 1m30s, 48h or 250ms, got \"10\"");
  CHECK(refusal(parse_duration("2562048h")) == "is too large: \"2562048h\"");
  CHECK(refusal(parse_duration("99999999999999999999s")) ==
        "is too large: \"99999999999999999999s\"");
  CHECK(refusal(parse_duration("2562047h2562047h")) == "is too large: \"2562047h2562047h\"");
  CHECK(parse_duration("2562047h").ok());
  for (const char* text : {"", "s", "-1s", "1", "1m30", "1 s", "1s ", "1d", "1us", "1.s", "1e3s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).ok());
  }
}

TEST_CASE("CPUs are counted in billionths, from one hundredth on") {
  CHECK(parse_cpus("0.5").value() == 500'000'000);
  CHECK(parse_cpus("2").value() == 2'000'000'000);
  CHECK(parse_cpus("0.01").value() == 10'000'000);
  CHECK(parse_cpus("1.000000001").value() == 1'000'000'001);
  CHECK(refusal(parse_cpus("0.009")) ==
        "must be a number of CPUs such as 0.5 or 2, at least 0.01, got \"0.009\"");
  CHECK(refusal(parse_cpus("9223372037")) == "is too large: \"9223372037\"");
  CHECK(parse_cpus("9223372036").ok());
  for (const char* text : {"", "-1", ".5", "1.", "1e1", "half", "0.5 ", "0.0100000001"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cpus(text).ok());
  }
}

TEST_CASE("bytes are written in the largest unit without a remainder") {
  CHECK(format_bytes(536'870'912) == "512M");
  CHECK(format_bytes(1'610'612'736) == "1536M");
  CHECK(format_bytes(65'536) == "64k");
  CHECK(format_bytes(1000) == "1000");
  CHECK(format_bytes(0) == "0");
  CHECK(format_bytes(std::int64_t{2} << 40) == "2T");
  CHECK(format_bytes(std::int64_t{1} << 60) == "1048576T");
}

TEST_CASE("durations are written for people") {
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(48h) == "48h");
  CHECK(format_duration(3661s) == "1h1m1s");
  CHECK(format_duration(2400ms) == "2.4s");
  CHECK(format_duration(2s) == "2s");
  CHECK(format_duration(59'999ms) == "59.9s");
  CHECK(format_duration(18ms) == "18ms");
  CHECK(format_duration(1ms) == "1ms");
  CHECK(format_duration(300us) == "0.3ms");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(-5s) == "-5s");
}

TEST_CASE("CPUs are written without idle zeros") {
  CHECK(format_cpus(500'000'000) == "0.5");
  CHECK(format_cpus(2'000'000'000) == "2");
  CHECK(format_cpus(10'000'000) == "0.01");
  CHECK(format_cpus(10'000'000'000) == "10");
}

TEST_CASE("what is written can be read again") {
  for (const std::int64_t bytes :
       {std::int64_t{1}, std::int64_t{1536} << 20, std::int64_t{7} << 40}) {
    CHECK(parse_bytes(format_bytes(bytes)).value() == bytes);
  }
  for (const auto duration : {250ms, 2400ms, 90'000ms, 3'661'000ms}) {
    CHECK(parse_duration(format_duration(duration)).value() == duration);
  }
  for (const std::int64_t cpus : {10'000'000ll, 500'000'000ll, 1'000'000'001ll}) {
    CHECK(parse_cpus(format_cpus(cpus)).value() == cpus);
  }
}
