#include "reconciler/live/connection.h"

#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace fairlead::live {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds connect_limit{5000};

bool has_header(const HttpCall& call, const char* name) {
  return std::any_of(call.headers.begin(), call.headers.end(), [&](const auto& header) {
    return ::strcasecmp(header.first.c_str(), name) == 0;
  });
}

std::string host_header(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::unix_socket) return "localhost";
  const bool bare = endpoint.host.find(':') == std::string::npos;
  const std::string host = bare ? endpoint.host : "[" + endpoint.host + "]";
  const int usual = endpoint.kind == Endpoint::Kind::tls ? 443 : 80;
  return endpoint.port == usual ? host : host + ":" + std::to_string(endpoint.port);
}

// Whether it would begin another line, or another word of the first one.
bool breaks_out(std::string_view text, bool word) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    return c == '\r' || c == '\n' || c == '\0' || (word && c == ' ');
  });
}

bool can_be_written(const HttpCall& call) {
  if (breaks_out(call.method, true) || breaks_out(call.path, true)) return false;
  return std::none_of(call.headers.begin(), call.headers.end(), [](const auto& header) {
    return breaks_out(header.first, true) || breaks_out(header.second, false);
  });
}

std::string request_text(const HttpCall& call, const Endpoint& endpoint, bool keep_alive) {
  std::string text = call.method + " " + call.path + " HTTP/1.1\r\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    text += name + ": " + value + "\r\n";
  };
  const auto add_default = [&](const char* name, const std::string& value) {
    if (!has_header(call, name)) add(name, value);
  };
  add_default("Host", host_header(endpoint));
  add_default("User-Agent", "fairlead/" FAIRLEAD_VERSION);
  add_default("Accept", "*/*");
  for (const auto& [name, value] : call.headers) add(name, value);
  if (!call.body.empty()) add_default("Content-Type", "application/json");
  const bool bare = call.body.empty() &&
                    (call.method == "GET" || call.method == "HEAD" || call.method == "DELETE");
  if (!bare) add("Content-Length", std::to_string(call.body.size()));
  if (!keep_alive) add("Connection", "close");
  return text + "\r\n" + call.body;
}

}  // namespace

void Connection::abort() {
  aborted_ = true;
  transport_.shut_down();
}

Connection::Outcome Connection::exchange(const HttpCall& call, milliseconds silence_max,
                                         const HeadersSeen& headers, const PieceSeen& piece) {
  Outcome outcome;
  HttpReader reader(call.method == "HEAD", headers, piece);
  outcome.error = send(call, silence_max);
  if (outcome.error.empty()) outcome.error = receive(reader);
  outcome.status = reader.status();
  outcome.headers = reader.headers();
  outcome.complete = outcome.error.empty();
  used_ = used_ || outcome.complete;
  if (!outcome.complete || !keep_alive_ || !reader.keep_alive()) transport_.close();
  return outcome;
}

// Empty, or why the request was not sent whole.
std::string Connection::send(const HttpCall& call, milliseconds silence_max) {
  const std::string place = endpoint().text();
  if (!can_be_written(call)) return "the request to " + place + " is none: a word of it breaks out";
  if (transport_.open() && !transport_.quiet()) transport_.close();
  if (!transport_.open()) {
    const Result<void> opened = transport_.open(std::min(call.timeout, connect_limit));
    if (!opened) return opened.error().message;
  }
  transport_.limit(silence_max, call.timeout);
  if (!transport_.write(request_text(call, endpoint(), keep_alive_)))
    return "the request to " + place + " could not be written whole";
  return "";
}

// Empty, or why the answer is not whole.
std::string Connection::receive(HttpReader& reader) {
  const std::string place = endpoint().text();
  char bytes[16384];
  ssize_t got = 0;
  do {
    got = transport_.read(bytes, sizeof bytes);
  } while (got > 0 && reader.feed({bytes, static_cast<std::size_t>(got)}));
  const bool silent = got < 0 && errno == EAGAIN;
  // A body up to the connection's end must not seem whole because it was ended from here.
  if (got == 0 && !aborted_) reader.end();
  if (reader.complete()) return "";
  if (!reader.error().empty()) return "the answer of " + place + " is refused: " + reader.error();
  return "the answer of " + place + " was cut off" + (silent ? ": nothing more came in time" : "");
}

}  // namespace fairlead::live
