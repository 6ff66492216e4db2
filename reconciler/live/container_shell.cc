#include "reconciler/live/container_shell.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace fairlead::live {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeadMax = 16u << 10;
constexpr std::size_t kShellOutputMax = 128u << 10;
constexpr std::size_t kFrameHead = 8;  // the stream's number, three zeros, the length

// The mark comes first, then for each program the number of its words and a word per line.
constexpr char kScript[] =
    "IFS= read -r mark\n"
    "while IFS= read -r left; do\n"
    "  set --\n"
    "  while [ \"$left\" -gt 0 ]; do\n"
    "    IFS= read -r word\n"
    "    set -- \"$@\" \"$word\"\n"
    "    left=$((left - 1))\n"
    "  done\n"
    "  \"$@\" </dev/null 2>&1\n"
    "  printf '\\n%s %d\\n' \"$mark\" \"$?\"\n"
    "done\n";

Error no_shell(const std::string& what) {
  return Error{Code::unavailable, "no shell in the container: " + what, ""};
}

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return no_shell(errno_text(ENAMETOOLONG));
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.ok() ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return no_shell(errno_text(errno));
  }
  return socket;
}

std::string start_request(const std::string& exec) {
  const std::string body = R"({"Detach":false,"Tty":false})";
  return "POST /exec/" + exec +
         "/start HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

std::vector<std::string> ContainerShell::command() { return {"sh", "-c", kScript}; }

Result<ContainerShell> ContainerShell::start(const std::string& socket, const std::string& exec,
                                             Clock::time_point deadline) {
  Result<UniqueFd> connected = connect_to(socket);
  if (!connected) return connected.error();
  ContainerShell shell(std::move(*connected), exec);
  const Result<void> begun = shell.begin(exec, deadline);
  if (!begun) return begun.error();
  return shell;
}

Result<void> ContainerShell::begin(const std::string& exec, Clock::time_point deadline) {
  if (!send(start_request(exec))) return no_shell(errno_text(errno));
  std::size_t end = std::string::npos;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (received_.size() > kHeadMax || !receive(deadline, -1))
      return no_shell("the engine did not answer");
  }
  if (received_.compare(0, 12, "HTTP/1.1 101") != 0)
    return no_shell("the engine said " + received_.substr(0, received_.find('\r')));
  received_.erase(0, end + 4);
  if (!send(mark_ + "\n")) return no_shell(errno_text(errno));
  return {};
}

std::optional<ContainerShell::Ended> ContainerShell::run(const std::vector<std::string>& words,
                                                         Clock::time_point deadline, int stop) {
  std::string lines = std::to_string(words.size()) + "\n";
  for (const std::string& word : words) lines += word + "\n";
  if (!send(lines)) return std::nullopt;
  for (;;) {
    take_frames();
    std::optional<Ended> ended = end_of_program();
    if (ended) return ended;
    if (!receive(deadline, stop)) return std::nullopt;
  }
}

bool ContainerShell::ended() const {
  pollfd polled{socket_.get(), POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;  // between programs it says nothing
}

bool ContainerShell::send(const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t now = ::send(socket_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) return false;
    sent += static_cast<std::size_t>(now);
  }
  return true;
}

// Waits for more bytes; false: there will be none, or not in time.
bool ContainerShell::receive(Clock::time_point deadline, int stop) {
  pollfd polled[] = {{socket_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(polled, 2, static_cast<int>(std::min<std::int64_t>(left, 1'000'000))) < 0) continue;
    if (polled[1].revents != 0) return false;
    if (polled[0].revents != 0) break;
  }
  char buffer[16384];
  const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (got <= 0) return got < 0 && errno == EINTR;
  received_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

void ContainerShell::take_frames() {
  while (received_.size() >= kFrameHead) {
    std::size_t length = 0;
    for (std::size_t i = 4; i < kFrameHead; ++i)
      length = length << 8 | static_cast<unsigned char>(received_[i]);
    if (received_.size() < kFrameHead + length) return;
    output_.append(received_, kFrameHead, length);
    received_.erase(0, kFrameHead + length);
    if (output_.size() > 2 * kShellOutputMax) output_.erase(0, output_.size() - kShellOutputMax);
  }
}

// The last line that was written is "MARK CODE", after a line's end of its own.
std::optional<ContainerShell::Ended> ContainerShell::end_of_program() {
  const std::string begin = "\n" + mark_ + " ";
  const std::size_t at = output_.rfind(begin);
  if (at == std::string::npos || output_.back() != '\n') return std::nullopt;
  Ended ended;
  const char* number = output_.data() + at + begin.size();
  std::from_chars(number, output_.data() + output_.size(), ended.code);
  ended.output = output_.substr(0, at);
  output_.clear();
  return ended;
}

}  // namespace fairlead::live
