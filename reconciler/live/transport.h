#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "reconciler/live/endpoint.h"
#include "reconciler/live/file_io.h"
#include "reconciler/live/tls_session.h"
#include "reconciler/result.h"

// The bytes between us and one place: a stream socket, with TLS where the endpoint demands it.
// Blocking. One thread at a time opens, reads, writes and closes; meanwhile any thread may call
// shut_down(), which ends whatever of these is under way (but for looking a host's name up) and is
// final.
struct sockaddr;

namespace fairlead::live {

class Transport {
 public:
  explicit Transport(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // `connect_max` is for each address of a name. Errors: unavailable, in the words for a person.
  Result<void> open(std::chrono::milliseconds connect_max);
  bool open() const { return socket_.ok(); }
  void close();
  // Whether the peer has said nothing since the last read, not even farewell: what comes between
  // two exchanges belongs to neither.
  bool quiet() const;

  // The longest wait for the next byte in, and for room for the next byte out. Of an open one.
  void limit(std::chrono::milliseconds read_max, std::chrono::milliseconds write_max);
  // As recv(): 0 at the end, -1 with errno, which is EAGAIN where the peer was silent too long.
  ssize_t read(char* data, std::size_t size);
  bool write(std::string_view data);  // all of it, or false

  void shut_down();  // any thread
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  int connect(int family, const sockaddr* address, unsigned size,
              std::chrono::milliseconds connect_max);
  int connect_unix(std::chrono::milliseconds connect_max);
  Result<void> connect_host(std::chrono::milliseconds connect_max);
  Error no_connection(const std::string& why) const;

  const Endpoint endpoint_;
  std::mutex mutex_;  // of a change of socket_, and of shut_down_
  UniqueFd socket_;
  bool shut_down_ = false;
  std::optional<TlsSession> tls_;  // absent: plain, or not open
};

}  // namespace fairlead::live
