#include "reconciler/live/log_sink.h"

#include <doctest/doctest.h>

namespace fairlead::live {
namespace {

TEST_CASE("a log line holds what is there, and no text can forge a second one") {
  LogRecord record;
  record.app = "blog";
  record.verb = "create";
  record.resource = "container blog.web.3f9c2a1b";
  record.cause = "image acme/blog:0041 → 0042 (blog.yml:2)";
  record.pass = "41";
  record.took = std::chrono::milliseconds(18);
  const Duration wall = std::chrono::seconds(1795302903) + std::chrono::milliseconds(123);
  CHECK(log_line(record, wall) ==
        "2026-11-21T23:15:03.123Z info  blog     create  container blog.web.3f9c2a1b  image "
        "acme/blog:0041 → 0042 (blog.yml:2)  18ms  pass=41");
  CHECK(
      log_json(record, wall) ==
      "{\"time\":\"2026-11-21T23:15:03.123Z\",\"level\":\"info\",\"app\":\"blog\",\"verb\":"
      "\"create\",\"resource\":\"container blog.web.3f9c2a1b\",\"cause\":\"image acme/blog:0041 → "
      "0042 (blog.yml:2)\",\"took_ms\":18.0,\"pass\":\"41\"}");
  record = {};
  record.level = LogRecord::Level::error;
  record.cause = "a\n2026\r\x1b[31m\x7f\xc2\x9b\xff\xe2\x80\xa8 ü";
  CHECK(log_line(record, wall) ==
        "2026-11-21T23:15:03.123Z error  "
        "a\\x0a2026\\x0d\\x1b[31m\\x7f\\xc2\\x9b\\xff\\xe2\\x80\\xa8 ü");
  CHECK(log_json(record, wall).find('\n') == std::string::npos);
}

}  // namespace
}  // namespace fairlead::live
