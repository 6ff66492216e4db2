#include "reconciler/live/log_sink.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <ctime>

#include "reconciler/units.h"

namespace fairlead::live {

namespace {

const char* level_name(LogRecord::Level level) {
  switch (level) {
    case LogRecord::Level::debug:
      return "debug";
    case LogRecord::Level::info:
      return "info";
    case LogRecord::Level::warning:
      return "warn";
    case LogRecord::Level::error:
      return "error";
  }
  return "error";
}

std::string timestamp(Duration wall) {
  const std::time_t seconds = wall.count() / 1'000'000'000;
  const auto milliseconds = static_cast<int>(wall.count() / 1'000'000 % 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[32];
  char whole[48];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(whole, sizeof whole, "%s.%03dZ", date, milliseconds);
  return whole;
}

unsigned char byte_at(const std::string& text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// The length of the UTF-8 character that begins there; 0 where none does.
std::size_t character_size(const std::string& text, std::size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte_at(text, at + i) & 0xC0) != 0x80) return 0;
  return size;
}

// Line and paragraph separators, and the controls of ISO 6429, which some terminals obey in their
// UTF-8 form.
bool control(const std::string& text, std::size_t at, std::size_t size) {
  const unsigned char first = byte_at(text, at);
  if (size == 1) return first < 0x20 || first == 0x7F;
  if (size == 2) return first == 0xC2 && byte_at(text, at + 1) < 0xA0;
  return text.compare(at, size, "\u2028") == 0 || text.compare(at, size, "\u2029") == 0;
}

std::string printable(const std::string& text, bool keep_controls) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    if (size != 0 && (keep_controls || !control(text, at, size))) {
      out.append(text, at, size);
    } else {
      for (std::size_t i = 0; i < std::max<std::size_t>(size, 1); ++i) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", byte_at(text, at + i));
        out += escaped;
      }
    }
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

void append(std::string& line, const std::string& text, std::size_t width, const char* gap) {
  if (text.empty()) return;
  const std::string shown = printable(text, false);
  line += gap + shown;
  if (shown.size() < width) line.append(width - shown.size(), ' ');
}

void set(Json& line, const char* name, const std::string& text) {
  if (!text.empty()) line.set(name, printable(text, true));
}

}  // namespace

std::string log_line(const LogRecord& record, Duration wall) {
  std::string line = timestamp(wall);
  append(line, level_name(record.level), 5, " ");
  append(line, record.app, 8, " ");
  append(line, record.verb, 6, " ");
  append(line, record.resource, 0, "  ");
  append(line, record.cause, 0, "  ");
  if (record.took) append(line, format_duration(*record.took), 0, "  ");
  append(line, record.pass.empty() ? "" : "pass=" + record.pass, 0, "  ");
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string log_json(const LogRecord& record, Duration wall) {
  Json line = Json::object({{"time", timestamp(wall)}, {"level", level_name(record.level)}});
  set(line, "app", record.app);
  set(line, "verb", record.verb);
  set(line, "resource", record.resource);
  set(line, "cause", record.cause);
  if (record.took) line.set("took_ms", static_cast<double>(record.took->count()) / 1e6);
  set(line, "pass", record.pass);
  return line.dump();
}

LogSink::LogSink(const std::string& format)
    : json_(format == "json"),
      logger_(std::make_shared<spdlog::logger>("fairlead",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%v");
  logger_->set_level(spdlog::level::info);
}

LogSink::~LogSink() = default;

void LogSink::write(const LogRecord& record, Duration wall) {
  const auto level =
      record.level == LogRecord::Level::debug ? spdlog::level::debug : spdlog::level::info;
  if (!logger_->should_log(level)) return;
  logger_->log(level, json_ ? log_json(record, wall) : log_line(record, wall));
}

}  // namespace fairlead::live
