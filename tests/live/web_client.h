#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/live/file_io.h"

// A client of the edge, as a browser would be, but one that says exactly what went wrong and
// repeats nothing: HTTP/1.1 over TCP or TLS (any certificate is taken, and shown). Used by one
// thread each; errors are values.
struct ssl_ctx_st;
struct ssl_st;
namespace fairlead::testing {

struct WebRequest {
  int port = 80;
  bool tls = false;
  std::string host;  // of the header, and of the handshake
  std::string path = "/";
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string address = "127.0.0.1";          // or of IPv6: "::1"
  std::chrono::milliseconds timeout{10'000};  // of each wait
};

struct WebReply {
  int status = 0;  // 0: none, and `error` is "connect", "handshake", "closed" (before a byte of the
                   // answer), "cut" (within it) or "timeout"
  std::string error;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool ok() const { return status == 200; }
};

class WebConnection {
 public:
  WebConnection() = default;
  ~WebConnection();
  WebConnection(const WebConnection&) = delete;
  WebConnection& operator=(const WebConnection&) = delete;

  // On the connection that is open, or on a new one.
  WebReply ask(const WebRequest& request);
  bool open() const { return socket_.ok(); }
  void close();
  // Common name of the server's certificate, and its PEM; empty without TLS.
  std::string certificate_name() const;

  // For what is no HTTP any more, after a 101. Empty: `*error` says why.
  bool send(const std::string& bytes);
  std::string receive(std::size_t size, std::string* error);

 private:
  std::string connect(const WebRequest& request);
  std::string shake_hands(const WebRequest& request);
  std::string fill();
  std::string read_head(WebReply& reply);
  std::string read_body(const WebRequest& request, WebReply& reply);
  std::string read_chunks(std::string& body);
  std::string read_until(const std::string& mark, std::string& text);

  live::UniqueFd socket_;
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_{nullptr, nullptr};
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_{nullptr, nullptr};
  std::string buffer_;
};

// One request on a connection of its own.
WebReply fetch(WebRequest request);

}  // namespace fairlead::testing
