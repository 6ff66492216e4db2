#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

// A Unix socket that hands every byte on to an engine's socket and back, writes down the request
// lines, and can be told to break. One thread takes connections, two move the bytes of each; all
// end with it. The methods may be called from any thread.
namespace fairlead::testing {

class Proxy {
 public:
  enum class Mode {
    forward,
    refuse,  // takes a connection and closes it at once; those there are end
    hang,    // takes a connection and never answers; those there are hang too
  };
  Proxy(std::string path, std::string engine);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  const std::string& path() const { return path_; }
  void set(Mode mode);
  std::vector<std::string> requests() const;  // "GET /version"
  std::size_t writes() const;                 // of these, other than GET and HEAD
  std::vector<std::chrono::steady_clock::time_point> connections() const;  // when each was made
  void forget();  // requests and connections so far

 private:
  void serve();
  void connect(int client);
  void pump(int from, int to, bool requests);
  void note(std::string& held, const char* bytes, std::size_t size);
  int keep(int fd);

  const std::string path_;
  const std::string engine_;
  int listener_ = -1;
  std::atomic<bool> ended_ = false;
  std::atomic<Mode> mode_ = Mode::forward;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;                               // under mutex_
  std::vector<std::chrono::steady_clock::time_point> connections_;  // under mutex_
  std::set<int> open_;                                              // under mutex_
  std::vector<std::thread> pumps_;                                  // under mutex_
  std::thread server_;
};

}  // namespace fairlead::testing
