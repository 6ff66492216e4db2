#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/live/connection.h"
#include "reconciler/live/deadlines.h"
#include "reconciler/platform.h"
#include "reconciler/world.h"

// Makes HTTP calls, blocking, from any thread. Keeps idle connections open to the engine and to
// services, which are what a call with a login asks, and uses the latest one first; containers get
// a connection each time. Invariants: (1) a writing request is sent at most once: without an answer
// its outcome is unknown; (2) a reading one that met a connection closed meanwhile is sent once
// more, on a new connection; (3) with `read_only` not one byte of a writing request reaches a
// socket, unless by send().
namespace fairlead::live {

// No answer, and why.
inline Answer outcome_unknown(std::string error) { return Answer{0, "", std::move(error)}; }

class HttpClient {
 public:
  HttpClient(std::shared_ptr<const Platform> platform, bool read_only);
  ~HttpClient();  // no call may be under way: stop() first
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void configure(std::shared_ptr<const Platform> platform);

  // `progressed` gets at most one line per second of a call with `progress`.
  using LineSeen = std::function<void(std::string line)>;
  Answer call(const HttpCall& call, const LineSeen& progressed = nullptr);
  // The same where the caller has decided that it may be sent: a program that only reads is started
  // by a POST, too.
  Answer send(const HttpCall& call, const LineSeen& progressed = nullptr);

  Result<Endpoint> engine() const;  // where it is now

  // What a stream tells while it goes on: whole lines, and of one that is longer than
  // LineSplitter::line_max that it was skipped.
  struct StreamSeen {
    std::function<void()> opened;
    LineSeen line;
    std::function<void()> skipped;
  };
  // A connection for a stream, and the stream itself, which returns why it ended.
  Result<std::unique_ptr<Connection>> connect_engine() const;
  std::string stream(Connection& connection, const HttpCall& call, const StreamSeen& seen);
  void cancel(Connection& connection) { deadlines_.expire(connection); }

  // Ends every call under way; later ones get no answer.
  void stop();

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    SteadyTime since;
  };
  Result<HttpCall> prepare(const HttpCall& call) const;
  Result<void> add_registry_login(HttpCall& call) const;
  Result<Endpoint> endpoint_of(const HttpCall& call) const;
  std::unique_ptr<Connection> take(const Endpoint& endpoint, bool keep);
  void give_back(std::unique_ptr<Connection> connection, const HttpCall& call);
  std::vector<Idle> remove_idle(const Endpoint* endpoint);
  std::shared_ptr<const Platform> platform() const;

  const bool read_only_;
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const Platform> platform_;
  std::vector<Idle> idle_;  // the latest used is the last
  Deadlines deadlines_;
};

}  // namespace fairlead::live
