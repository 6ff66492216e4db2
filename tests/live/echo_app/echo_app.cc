#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

// The app that the edge's tests deploy: a static program, alone in its image. On SIGTERM it ends at
// once, so that a request which was still under way is seen to fail. It listens $LISTEN_DELAY
// seconds after its start.
//
//   /up           200; 503 where $SICK is set
//   /slow/MS      answers after so many milliseconds
//   /headers      the request's head, as it came in
//   /lines/N      N lines, one each 100 ms, as they are made
//   /ws           a websocket that sends back each frame
//   POST          the length of the body
//   else          $VERSION, which is in the header X-Version too
namespace {

using Clock = std::chrono::steady_clock;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// FIPS 180-4, for texts of one block or two: those that a handshake has.
std::string sha1(std::string text) {
  std::array<std::uint32_t, 5> h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = text.size() * 8;
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift);
  const auto rotated = [](std::uint32_t x, int n) { return x << n | x >> (32 - n); };
  for (std::size_t block = 0; block < text.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i) {
      w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(text[block + i]);
    }
    for (std::size_t i = 16; i < 80; ++i) {
      w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < 80; ++i) {
      const std::uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                              : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                              : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                       : (b ^ c ^ d) + 0xCA62C1D6;
      const std::uint32_t next = rotated(a, 5) + f + e + w[i];
      e = d;
      d = c;
      c = rotated(b, 30);
      b = a;
      a = next;
    }
    h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
  }
  std::string digest;
  for (const std::uint32_t word : h) {
    for (int shift = 24; shift >= 0; shift -= 8) digest += static_cast<char>(word >> shift);
  }
  return digest;
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t triple = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      triple = triple << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    }
    for (int shift = 18; shift >= 0; shift -= 6) text += digits[triple >> shift & 63];
  }
  for (std::size_t i = 0; i < (3 - bytes.size() % 3) % 3; ++i) text[text.size() - 1 - i] = '=';
  return text;
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    while (read_head() && read_body()) {
      if (!answer()) return;
    }
  }

 private:
  bool fill() {
    char bytes[65536];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
  bool send(const std::string& text) const {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t put = ::send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (put <= 0) return false;
      at += static_cast<std::size_t>(put);
    }
    return true;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }

  bool read_head() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return false;
    }
    head_ = take(end + 4);
    const std::size_t blank = head_.find(' ');
    method_ = head_.substr(0, blank);
    path_ = head_.substr(blank + 1, head_.find(' ', blank + 1) - blank - 1);
    return true;
  }
  // Of any length: it is counted, not kept.
  bool read_body() {
    body_size_ = static_cast<std::size_t>(std::atoll(header("content-length").c_str()));
    std::size_t left = body_size_;
    while (left > 0) {
      if (buffer_.empty() && !fill()) return false;
      left -= take(left).size();
    }
    return true;
  }
  std::string header(const std::string& name) const {
    for (std::size_t at = head_.find("\r\n"); at != std::string::npos;) {
      const std::size_t begin = at + 2;
      at = head_.find("\r\n", begin);
      std::string line = head_.substr(begin, at - begin);
      const std::size_t colon = line.find(": ");
      if (colon != name.size()) continue;
      const std::string value = line.substr(colon + 2);
      for (char& c : line) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (line.compare(0, colon, name) == 0) return value;
    }
    return "";
  }

  bool answer() {
    const auto number = [&](const char* prefix) {
      const std::size_t size = std::strlen(prefix);
      return path_.compare(0, size, prefix) == 0 ? std::atoi(path_.c_str() + size) : -1;
    };
    if (path_ == "/up" && !variable("SICK").empty())
      return reply("503 Service Unavailable", "sick\n");
    if (path_ == "/headers") return reply("200 OK", head_);
    if (path_ == "/ws") return web_socket();
    if (number("/lines/") >= 0) return lines(number("/lines/"));
    if (number("/slow/") >= 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(number("/slow/")));
    if (method_ == "POST") return reply("200 OK", std::to_string(body_size_) + "\n");
    return reply("200 OK", variable("VERSION") + "\n");
  }

  bool reply(const std::string& status, const std::string& body) const {
    return send("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nX-Version: " +
                variable("VERSION") + "\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + (method_ == "HEAD" ? "" : body));
  }

  bool lines(int count) const {
    send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < count; ++i) {
      if (!send("7\r\nline " + std::to_string(i % 10) + "\n\r\n")) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return send("0\r\n\r\n");
  }

  bool web_socket() {
    const std::string key = header("sec-websocket-key");
    if (key.empty()) return reply("400 Bad Request", "a websocket is expected\n");
    send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        base64(sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) + "\r\n\r\n");
    while (echo_frame()) continue;
    return false;
  }

  // Frames of at most 125 bytes, masked, as clients send them.
  bool echo_frame() {
    while (buffer_.size() < 6 || buffer_.size() < 6 + (buffer_[1] & 127u)) {
      if (!fill()) return false;
    }
    const std::size_t size = buffer_[1] & 127u;
    if (size > 125) return false;
    const std::string frame = take(6 + size);
    std::string answer{frame[0], static_cast<char>(size)};
    for (std::size_t i = 0; i < size; ++i) {
      answer += static_cast<char>(frame[6 + i] ^ frame[2 + i % 4]);
    }
    return send(answer) && (frame[0] & 15) != 8;  // but for a close
  }

  const int fd_;
  std::string buffer_;
  std::string head_;
  std::string method_;
  std::string path_;
  std::size_t body_size_ = 0;
};

int listen_at(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  return bound && ::listen(fd, 1024) == 0 ? fd : -1;
}

}  // namespace

int main() {
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  std::this_thread::sleep_for(std::chrono::seconds(std::atoi(variable("LISTEN_DELAY").c_str())));
  const std::string port = variable("PORT");
  const int listener = listen_at(port.empty() ? 8080 : std::atoi(port.c_str()));
  if (listener < 0) return 1;
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([fd] { Connection(fd).serve(); }).detach();
  }
}
