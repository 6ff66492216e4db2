#pragma once

#include <memory>
#include <string>

#include "reconciler/world.h"

namespace spdlog {
class logger;
}

// Writes LogRecords to standard error, one line each, from any thread. Texts come from outside
// (manifests, engine messages, container output), so control characters are escaped: no text can
// forge a line or drive a terminal.
namespace fairlead::live {

class LogSink {
 public:
  explicit LogSink(const std::string& format);  // "text" or "json"
  ~LogSink();
  void write(const LogRecord& record, Duration wall);

 private:
  const bool json_;
  std::shared_ptr<spdlog::logger> logger_;
};

// "2026-11-21T23:15:03.123Z info  blog     create  container blog.web.3f9c2a1b  image 1 → 2  18ms
// pass=41"
std::string log_line(const LogRecord& record, Duration wall);
// The same as one JSON object: time, level, app, verb, resource, cause, took_ms, pass.
std::string log_json(const LogRecord& record, Duration wall);

}  // namespace fairlead::live
