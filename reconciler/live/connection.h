#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "reconciler/live/endpoint.h"
#include "reconciler/live/http_reader.h"
#include "reconciler/live/transport.h"
#include "reconciler/world.h"

// One HTTP connection to one place. One thread at a time exchanges requests on it; abort() may be
// called from any thread while it does. Nothing is resent here. Of the peer nothing is trusted:
// what it sends is limited by HttpReader, how long it takes by whoever calls abort().
namespace fairlead::live {

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
  using HeadersSeen = HttpReader::HeadersSeen;
  using PieceSeen = HttpReader::PieceSeen;

  Connection(const Endpoint& endpoint, bool keep_alive)
      : transport_(endpoint), keep_alive_(keep_alive) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `silence_max`: the longest wait for the next byte of the answer.
  Outcome exchange(const HttpCall& call, std::chrono::milliseconds silence_max,
                   const HeadersSeen& headers, const PieceSeen& piece);

  // Ends the exchange under way by shutting the socket down, and spoils the connection for good.
  void abort();
  bool aborted() const { return aborted_; }
  bool used() const { return used_; }  // at least one exchange was complete
  const Endpoint& endpoint() const { return transport_.endpoint(); }

 private:
  std::string send(const HttpCall& call, std::chrono::milliseconds silence_max);
  std::string receive(HttpReader& reader);

  Transport transport_;
  const bool keep_alive_;
  std::atomic<bool> aborted_{false};
  bool used_ = false;
};

}  // namespace fairlead::live
