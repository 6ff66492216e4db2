#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "reconciler/result.h"
#include "reconciler/world.h"

namespace httplib {
class Server;
struct Request;
struct Response;
}  // namespace httplib

// The daemon's door: HTTP on a Unix socket (0660). GET /v1/VERB?word=value for verbs that read,
// POST /v1/VERB with a JSON object of words for those that write. Each becomes a Command, handed on
// from a thread of the server, and waits for its Reply; without one within 10 s the asker gets 503.
// reply() is for any thread.
namespace fairlead::live {

// "approve", "purge", "suspend", "resume": asked by POST.
bool writing_verb(const std::string& verb);

class ControlServer {
 public:
  using Asked = std::function<void(Command)>;

  // Makes the parent folder and replaces a socket that nobody listens on any more. Errors: conflict
  // (somebody listens), unavailable (no permission, path too long).
  static Result<std::unique_ptr<ControlServer>> listen(
      const std::string& path, Asked asked,
      std::chrono::milliseconds reply_max = std::chrono::seconds(10));
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  void reply(const Reply& reply);

 private:
  ControlServer(std::string path, Asked asked, std::chrono::milliseconds reply_max);
  Result<void> start();
  void handle(const httplib::Request& request, httplib::Response& response);
  Reply ask(Command command);

  const std::string path_;
  const Asked asked_;
  const std::chrono::milliseconds reply_max_;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable replied_;
  std::map<std::uint64_t, Reply> waiting_;  // command → its reply, status 0 until it is there
  std::uint64_t last_command_ = 0;
  bool stopping_ = false;
};

}  // namespace fairlead::live
