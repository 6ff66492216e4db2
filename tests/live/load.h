#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reconciler/json.h"
#include "tests/live/web_client.h"

// Clients that go on asking, each on a thread of its own, and the count of what came back. Runs
// from its construction to stop().
namespace fairlead::testing {

class Load {
 public:
  struct Options {
    WebRequest request;
    int connections = 4;
    double per_second = 0;   // by all of them; 0: each asks again when it is answered
    bool keep_alive = true;  // else a connection for each request
    // As browsers do: a request on a kept connection that was closed before a byte of the answer
    // came is sent once more, on a new one.
    bool retry = false;
  };
  struct Count {
    std::map<int, long> statuses;
    std::map<std::string, long> failures;  // see WebReply::error
    std::map<std::string, long> versions;  // header X-Version → answers
    std::map<std::string, double> first;   // the same → when the first came, seconds since 1970
    long retries = 0;

    void add_version(const std::string& version);
    long answers() const;
    long failed() const;  // no answer, or one of 500 and above
    Json json() const;
  };

  explicit Load(Options options);
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  Count stop();         // ends it; the same again afterwards
  Count count() const;  // so far

 private:
  void work(int number);
  WebReply ask(WebConnection& connection, const WebRequest& request);

  const Options options_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  Count count_;
  std::vector<std::thread> threads_;
};

// A websocket that sends a frame ten times a second and wants it back. Runs from its construction
// to stop().
class SocketWatch {
 public:
  explicit SocketWatch(WebRequest request);
  ~SocketWatch() { stop(); }
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  int echoes() const { return echoes_; }
  // Why it ended by itself; empty: it never did.
  std::string stop();

 private:
  void work(const WebRequest& request);
  std::string echo(int number);

  WebConnection connection_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> echoes_{0};
  std::string trouble_;
  std::thread thread_;
};

}  // namespace fairlead::testing
