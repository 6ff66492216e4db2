#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "reconciler/live/endpoint.h"
#include "reconciler/result.h"

// TLS (1.2 or later) as a client over a connected, blocking socket, which its owner keeps open
// longer than this. The server is known by its authority and its name before a byte of ours is
// sent. The socket's own time limits hold; a record is at most 16 KiB, and the peer cannot
// negotiate anew. Used by one thread at a time.
struct ssl_ctx_st;
struct ssl_st;

namespace fairlead::live {

class TlsSession {
 public:
  // Errors: unavailable, with the reason alone: "the handshake failed".
  static Result<TlsSession> start(int socket, const Endpoint& server);
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();  // says farewell, unless something failed before

  // As recv() and send(): -1 with errno, where EAGAIN is the end of the socket's time.
  ssize_t read(char* data, std::size_t size);
  ssize_t write(const char* data, std::size_t size);

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
    void operator()(ssl_st* session) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;
  using Session = std::unique_ptr<ssl_st, Free>;

  explicit TlsSession(Session session);
  static Context make_context(const Endpoint& server);
  ssize_t judge(int result);

  Session session_;  // null: moved from
  bool failed_ = false;
};

}  // namespace fairlead::live
