#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// A peer on a Unix socket, or on a port of 127.0.0.1, that can misbehave as no HTTP library would:
// hang, trickle, cut off, close while idle, send without end. Each connection is served by
// `serve(connection)` on a thread of its own; at the end all connections are shut down.
namespace fairlead::testing {

class RawServer {
 public:
  class Connection {
   public:
    Connection(RawServer& server, int fd, int number) : server_(server), fd_(fd), number_(number) {}
    int number() const { return number_; }  // 1 for the first
    int fd() const { return fd_; }

    // One whole request, with its body; empty at the end.
    std::string read_request() const {
      std::string text;
      char byte;
      while (text.find("\r\n\r\n") == std::string::npos)
        if (::recv(fd_, &byte, 1, 0) == 1) {
          text += byte;
        } else {
          return "";
        }
      const std::size_t at = text.find("Content-Length: ");
      for (int left = at == std::string::npos ? 0 : std::stoi(text.substr(at + 16));
           left > 0 && ::recv(fd_, &byte, 1, 0) == 1; --left)
        text += byte;
      const std::lock_guard lock(server_.mutex_);
      server_.requests_.push_back(text);
      return text;
    }
    bool send(const std::string& text) const {
      return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(text.size());
    }
    bool answer(const std::string& body, const std::string& status = "200 OK") const {
      return send("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
    }
    // Until the peer or the server's end closes the connection.
    void hang() const {
      char byte;
      while (::recv(fd_, &byte, 1, 0) > 0) continue;
    }

   private:
    RawServer& server_;
    const int fd_;
    const int number_;
  };
  using Serve = std::function<void(const Connection&)>;

  RawServer(const std::string& path, Serve serve) : serve_(std::move(serve)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listen(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  explicit RawServer(Serve serve) : serve_(std::move(serve)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    listen(AF_INET, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int fd : fds_) ::shutdown(fd, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : fds_) ::close(fd);
    ::close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  bool listening() const { return listening_; }
  std::string at(const std::string& host) const { return host + ":" + std::to_string(port_); }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_; }

 private:
  void listen(int family, const sockaddr* address, socklen_t size) {
    listener_ = ::socket(family, SOCK_STREAM, 0);
    listening_ = ::bind(listener_, address, size) == 0 && ::listen(listener_, 128) == 0;
    acceptor_ = std::thread([this] { accept_all(); });
  }
  void accept_all() {
    for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0;
         fd = ::accept(listener_, nullptr, nullptr)) {
      fds_.push_back(fd);
      threads_.emplace_back([this, fd, number = ++connections_] {
        serve_(Connection(*this, fd, number));
        ::shutdown(fd, SHUT_RDWR);
      });
    }
  }

  const Serve serve_;
  int listener_ = -1;
  bool listening_ = false;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<int> connections_{0};
  std::vector<int> fds_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace fairlead::testing
