#include "tests/live/proxy.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

namespace fairlead::testing {
namespace {

using std::chrono::milliseconds;

constexpr int poll_ms = 20;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  return address;
}

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, poll_ms) > 0;
}

// "POST /v1.41/containers/create?name=x HTTP/1.1" → "POST /v1.41/containers/create?name=x"; empty:
// no request line. The body of the request before may stand in front of it.
std::string request_of(const std::string& line) {
  const std::size_t end = line.find(" HTTP/1.");
  if (end == line.npos) return "";
  const std::size_t space = line.rfind(" /", end);
  if (space == line.npos || space == 0) return "";
  const std::size_t before = line.find_last_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", space - 1);
  const std::size_t begin = before == line.npos ? 0 : before + 1;
  return begin == space ? "" : line.substr(begin, end - begin);
}

}  // namespace

Proxy::Proxy(std::string path, std::string engine)
    : path_(std::move(path)), engine_(std::move(engine)) {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(path_);
  REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener_, 64) == 0);
  server_ = std::thread([this] { serve(); });
}

Proxy::~Proxy() {
  ended_ = true;
  server_.join();
  for (std::thread& thread : pumps_) thread.join();
  for (const int fd : open_) ::close(fd);
  ::close(listener_);
  ::unlink(path_.c_str());
}

void Proxy::set(Mode mode) {
  mode_ = mode;
  if (mode != Mode::refuse) return;
  const std::lock_guard lock(mutex_);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

void Proxy::serve() {
  while (!ended_) {
    if (!readable(listener_)) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    {
      const std::lock_guard lock(mutex_);
      connections_.push_back(std::chrono::steady_clock::now());
    }
    if (mode_ == Mode::refuse) {
      ::close(client);
    } else {
      connect(client);
    }
  }
}

int Proxy::keep(int fd) {
  const std::lock_guard lock(mutex_);
  open_.insert(fd);
  return fd;
}

void Proxy::connect(int client) {
  const int engine = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(engine_);
  if (::connect(engine, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(client);
    ::close(engine);
    return;
  }
  keep(client);
  keep(engine);
  const std::lock_guard lock(mutex_);
  pumps_.emplace_back([this, client, engine] { pump(client, engine, true); });
  pumps_.emplace_back([this, client, engine] { pump(engine, client, false); });
}

void Proxy::pump(int from, int to, bool requests) {
  std::string held;
  char bytes[16384];
  while (!ended_) {
    if (mode_ == Mode::hang) {
      std::this_thread::sleep_for(milliseconds(poll_ms));
      continue;
    }
    if (!readable(from)) continue;
    const ssize_t size = ::recv(from, bytes, sizeof bytes, 0);
    if (size <= 0) break;
    const auto count = static_cast<std::size_t>(size);
    if (requests) note(held, bytes, count);
    for (std::size_t sent = 0; sent < count;) {
      const ssize_t more = ::send(to, bytes + sent, count - sent, MSG_NOSIGNAL);
      if (more <= 0) break;
      sent += static_cast<std::size_t>(more);
    }
  }
  // Closed at the end only, so that its number names nothing else meanwhile.
  ::shutdown(to, SHUT_WR);
  if (!requests) ::shutdown(from, SHUT_RDWR);
}

void Proxy::note(std::string& held, const char* bytes, std::size_t size) {
  held.append(bytes, size);
  std::size_t begin = 0;
  for (std::size_t end; (end = held.find('\n', begin)) != held.npos; begin = end + 1) {
    const std::string request = request_of(held.substr(begin, end - begin));
    if (request.empty()) continue;
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  held.erase(0, begin);
}

std::vector<std::string> Proxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t Proxy::writes() const {
  const std::vector<std::string> all = requests();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& request) {
    return !request.starts_with("GET ") && !request.starts_with("HEAD ");
  }));
}

std::vector<std::chrono::steady_clock::time_point> Proxy::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void Proxy::forget() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
  connections_.clear();
}

}  // namespace fairlead::testing
