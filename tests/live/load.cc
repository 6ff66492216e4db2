#include "tests/live/load.h"

#include <chrono>

namespace fairlead::testing {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

long Load::Count::answers() const {
  long all = 0;
  for (const auto& [status, count] : statuses) all += count;
  return all;
}

long Load::Count::failed() const {
  long all = 0;
  for (const auto& [status, count] : statuses) all += status >= 500 ? count : 0;
  for (const auto& [error, count] : failures) all += count;
  return all;
}

void Load::Count::add_version(const std::string& version) {
  if (++versions[version] > 1) return;
  first[version] =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json Load::Count::json() const {
  const auto object = [](const auto& counts, const auto& name) {
    Json all = Json::object();
    for (const auto& [key, count] : counts) all.set(name(key), Json(count));
    return all;
  };
  const auto same = [](const std::string& key) { return key; };
  return Json::object(
      {{"answers", static_cast<std::int64_t>(answers())},
       {"failed", static_cast<std::int64_t>(failed())},
       {"retries", static_cast<std::int64_t>(retries)},
       {"statuses", object(statuses, [](int status) { return std::to_string(status); })},
       {"failures", object(failures, same)},
       {"versions", object(versions, same)},
       {"first", object(first, same)}});
}

Load::Load(Options options) : options_(std::move(options)) {
  for (int i = 0; i < options_.connections; ++i) threads_.emplace_back([this, i] { work(i); });
}

Load::Count Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return count_;
}

Load::Count Load::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

WebReply Load::ask(WebConnection& connection, const WebRequest& request) {
  const bool kept = connection.open();
  WebReply reply = connection.ask(request);
  if (!options_.retry || !kept || reply.error != "closed") return reply;
  {
    const std::lock_guard lock(mutex_);
    ++count_.retries;
  }
  return connection.ask(request);
}

void Load::work(int number) {
  WebRequest request = options_.request;
  if (!options_.keep_alive) request.headers.emplace_back("Connection", "close");
  WebConnection connection;
  const std::chrono::duration<double> pause(
      options_.per_second > 0 ? options_.connections / options_.per_second : 0);
  auto due = Clock::now() +
             std::chrono::duration_cast<Clock::duration>(pause) * number / options_.connections;
  while (!stopping_) {
    std::this_thread::sleep_until(due);
    due += std::chrono::duration_cast<Clock::duration>(pause);
    const WebReply reply = ask(connection, request);
    if (!options_.keep_alive) connection.close();
    const std::lock_guard lock(mutex_);
    if (reply.status == 0) {
      ++count_.failures[reply.error];
    } else {
      ++count_.statuses[reply.status];
      const auto version = reply.headers.find("x-version");
      if (version != reply.headers.end()) count_.add_version(version->second);
    }
  }
}

SocketWatch::SocketWatch(WebRequest request) {
  request.headers = {{"Connection", "Upgrade"},
                     {"Upgrade", "websocket"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  thread_ = std::thread([this, request] { work(request); });
}

std::string SocketWatch::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return trouble_;
}

void SocketWatch::work(const WebRequest& request) {
  WebReply reply = connection_.ask(request);
  // The example of RFC 6455, 1.3.
  if (reply.status != 101 ||
      reply.headers["sec-websocket-accept"] != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
    trouble_ = "no handshake: " + std::to_string(reply.status) + " " + reply.error;
    return;
  }
  while (!stopping_ && trouble_.empty()) {
    trouble_ = echo(echoes_);
    if (!trouble_.empty()) return;
    ++echoes_;
    std::this_thread::sleep_for(milliseconds(100));
  }
}

std::string SocketWatch::echo(int number) {
  const std::string text = "frame " + std::to_string(number);
  const char size = static_cast<char>(text.size());
  // Masked with zeros: the payload is the text itself.
  const std::string sent =
      std::string("\x81") + static_cast<char>(size | '\x80') + std::string(4, '\0') + text;
  if (!connection_.send(sent)) return "closed while sending " + text;
  std::string error;
  const std::string got = connection_.receive(text.size() + 2, &error);
  if (!error.empty()) return error + " while waiting for " + text;
  return got == std::string("\x81") + size + text ? "" : "not what was sent: " + text;
}

}  // namespace fairlead::testing
