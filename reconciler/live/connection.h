#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "reconciler/live/file_io.h"
#include "reconciler/result.h"
#include "reconciler/world.h"

namespace httplib {
class ClientImpl;
}

// One HTTP connection to one place, over a Unix socket, TCP or TLS; the engine's TLS has client
// certificates, a service's has none, and both check the server's name.
// One thread at a time exchanges requests on it; abort() may be called from any thread while it
// does. Nothing is resent here.
namespace fairlead::live {

struct Endpoint {
  enum class Kind { unix_socket, tcp, tls };
  Kind kind = Kind::unix_socket;
  std::string host;  // the socket's path, or the host
  int port = 80;
  std::string certificates;  // of the engine: folder with ca.pem, cert.pem, key.pem
  std::string ca_file;       // of a service; empty: the system's authorities

  bool operator==(const Endpoint&) const = default;
  std::string text() const;
};

// "unix:///var/run/docker.sock", "tcp://host:2376" → Endpoint. Errors: invalid, with the accepted
// forms.
Result<Endpoint> engine_endpoint(const Platform::Engine& engine);
// "10.213.0.2:8080", "[fd00::2]:80" → Endpoint of a container or a service.
Result<Endpoint> service_endpoint(const std::string& address,
                                  const std::optional<Tls>& tls = std::nullopt);

class Connection {
 public:
  // What came of one exchange. `status` is that of the answer's first line, 0 where none came;
  // `error` says why the answer is not complete.
  struct Outcome {
    int status = 0;
    bool complete = false;
    std::string error;
    std::map<std::string, std::string> headers;  // as in Answer
  };
  // Asked once when the headers are there, then for each piece of the body; false ends the
  // exchange.
  using HeadersSeen = std::function<bool(int status)>;
  using PieceSeen = std::function<bool(const char* data, std::size_t size)>;

  Connection(const Endpoint& endpoint, bool keep_alive);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `silence_max`: the longest wait for the next byte of the answer.
  Outcome exchange(const HttpCall& call, std::chrono::milliseconds silence_max,
                   const HeadersSeen& headers, const PieceSeen& piece);

  // Ends the exchange under way by shutting the socket down, and spoils the connection. Where no
  // socket is open yet it has no effect on the one that is opened next: the caller repeats it.
  void abort();
  bool aborted() const { return aborted_; }
  bool used() const { return used_; }  // at least one exchange was complete
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  void adopt(int socket);
  std::string failure(int error, int errno_seen) const;
  std::string refusal() const;

  const Endpoint endpoint_;
  std::unique_ptr<httplib::ClientImpl> client_;
  std::mutex mutex_;
  UniqueFd socket_;  // a duplicate, so that abort() never meets a number that means something else
                     // by now
  std::atomic<bool> aborted_{false};
  bool used_ = false;
};

}  // namespace fairlead::live
