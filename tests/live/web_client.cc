#include "tests/live/web_client.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace fairlead::testing {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void limit_waits(int socket, std::chrono::milliseconds limit) {
  timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::string text_of(const WebRequest& request) {
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\nHost: " + request.host;
  for (const auto& [name, value] : request.headers) text += "\r\n" + name + ": " + value;
  if (!request.body.empty() || request.method == "POST")
    text += "\r\nContent-Length: " + std::to_string(request.body.size());
  return text + "\r\n\r\n" + request.body;
}

}  // namespace

WebConnection::~WebConnection() { close(); }

void WebConnection::close() {
  ssl_.reset();
  socket_ = live::UniqueFd();
  buffer_.clear();
}

std::string WebConnection::connect(const WebRequest& request) {
  close();
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(request.port);
  if (::getaddrinfo(request.address.c_str(), port.c_str(), &hints, &found) != 0) return "connect";
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> place(found, ::freeaddrinfo);
  socket_ = live::UniqueFd(::socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  limit_waits(socket_.get(), request.timeout);
  if (::connect(socket_.get(), place->ai_addr, place->ai_addrlen) != 0) return "connect";
  return request.tls ? shake_hands(request) : "";
}

std::string WebConnection::shake_hands(const WebRequest& request) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  if (!context_) context_ = {SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  ssl_ = {SSL_new(context_.get()), SSL_free};
  SSL_set_fd(ssl_.get(), socket_.get());
  const std::string name = request.host.substr(0, request.host.find(':'));
  if (!name.empty()) SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
  return SSL_connect(ssl_.get()) == 1 ? "" : "handshake";
}

std::string WebConnection::certificate_name() const {
  if (!ssl_) return "";
  const std::unique_ptr<X509, void (*)(X509*)> seen(SSL_get1_peer_certificate(ssl_.get()),
                                                    X509_free);
  char name[256] = "";
  if (seen) X509_NAME_get_text_by_NID(X509_get_subject_name(seen.get()), NID_commonName, name, 256);
  return name;
}

bool WebConnection::send(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const char* from = bytes.data() + at;
    const std::size_t size = bytes.size() - at;
    const ssize_t put = ssl_ ? SSL_write(ssl_.get(), from, static_cast<int>(size))
                             : ::send(socket_.get(), from, size, MSG_NOSIGNAL);
    if (put <= 0) return false;
    at += static_cast<std::size_t>(put);
  }
  return true;
}

// More bytes into the buffer; else why there are none.
std::string WebConnection::fill() {
  char bytes[65536];
  errno = 0;
  const ssize_t got = ssl_ ? SSL_read(ssl_.get(), bytes, sizeof bytes)
                           : ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
  if (got > 0) return "";
  return errno == EAGAIN ? "timeout" : "closed";
}

std::string WebConnection::receive(std::size_t size, std::string* error) {
  while (buffer_.size() < size) {
    *error = fill();
    if (!error->empty()) return "";
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

std::string WebConnection::read_until(const std::string& mark, std::string& text) {
  std::size_t at = 0;
  while ((at = buffer_.find(mark)) == std::string::npos) {
    if (std::string error = fill(); !error.empty()) return error;
  }
  text = buffer_.substr(0, at);
  buffer_.erase(0, at + mark.size());
  return "";
}

std::string WebConnection::read_head(WebReply& reply) {
  std::string head;
  if (const std::string error = read_until("\r\n\r\n", head); !error.empty())
    return error == "closed" && !buffer_.empty() ? "cut" : error;
  const std::size_t line = std::min(head.find("\r\n"), head.size());
  for (std::size_t at = line; at < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", at + 2), head.size());
    const std::size_t colon = head.find(':', at);
    if (colon < end) {
      const std::size_t value = std::min(head.find_first_not_of(' ', colon + 1), end);
      reply.headers[lower(head.substr(at + 2, colon - at - 2))] = head.substr(value, end - value);
    }
    at = end;
  }
  reply.status = std::atoi(head.c_str() + std::min(head.find(' '), head.size()));
  return "";
}

std::string WebConnection::read_chunks(std::string& body) {
  for (;;) {
    std::string size;
    if (std::string error = read_until("\r\n", size); !error.empty()) return error;
    const std::size_t length = std::strtoul(size.c_str(), nullptr, 16);
    std::string error;
    body += receive(length + 2, &error);
    if (!error.empty()) return error;
    body.resize(body.size() - 2);
    if (length == 0) return "";
  }
}

std::string WebConnection::read_body(const WebRequest& request, WebReply& reply) {
  if (request.method == "HEAD" || reply.status < 200 || reply.status == 204 || reply.status == 304)
    return "";
  if (reply.headers["transfer-encoding"] == "chunked") return read_chunks(reply.body);
  const auto length = reply.headers.find("content-length");
  std::string error;
  if (length != reply.headers.end()) {
    reply.body = receive(std::strtoul(length->second.c_str(), nullptr, 10), &error);
    return error;
  }
  while ((error = fill()).empty()) continue;
  reply.body = std::exchange(buffer_, "");
  return error == "closed" ? "" : error;
}

WebReply WebConnection::ask(const WebRequest& request) {
  WebReply reply;
  if (!open()) reply.error = connect(request);
  if (reply.error.empty() && !send(text_of(request))) {
    // What refuses a body answers before it was sent whole.
    if (request.body.empty()) reply.error = "closed";
  }
  if (reply.error.empty()) reply.error = read_head(reply);
  if (reply.error.empty()) {
    const std::string error = read_body(request, reply);
    if (!error.empty()) reply.error = error == "closed" ? "cut" : error;
  }
  if (!reply.error.empty()) reply.status = 0;
  if (!reply.error.empty() || lower(reply.headers["connection"]) == "close") close();
  return reply;
}

WebReply fetch(WebRequest request) {
  request.headers.emplace_back("Connection", "close");
  return WebConnection().ask(request);
}

}  // namespace fairlead::testing
