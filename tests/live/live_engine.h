#pragma once

#include <map>
#include <string>
#include <vector>

#include "reconciler/json.h"

// The engine that the live tests run on, as an outsider with `docker` in hand would use it: plain
// blocking requests, from any thread. Each test removes what it made; images stay as a cache.
namespace fairlead::testing {

class LiveEngine {
 public:
  struct Reply {
    int status = 0;  // 0: no answer, and `text` says why
    std::string text;
    Json body;  // null where the answer is no JSON
    bool ok() const { return status >= 200 && status < 300; }
  };

  explicit LiveEngine(std::string socket) : socket_(std::move(socket)) {}

  // The socket that DOCKER_HOST names.
  static std::string default_socket();
  const std::string& socket() const { return socket_; }
  // Process id of the container that the engine runs in; 0: it runs on this machine itself.
  int pid() const;

  Reply call(const std::string& method, const std::string& path, const Json& body = {}) const;
  // The same, but fails the test where the engine refuses.
  Json done(const std::string& method, const std::string& path, const Json& body = {}) const;

  bool answers() const { return call("GET", "/_ping").ok(); }
  // Containers with all these labels ("name=value"), running or not, in order of their names.
  std::vector<Json> containers(const std::vector<std::string>& labels) const;
  Json inspect(const std::string& container) const;
  bool has(const std::string& container) const;
  bool has_volume(const std::string& volume) const;

  // Makes a container out of `body`, which need only name what matters, and starts it.
  std::string run(const std::string& name, const Json& body) const;
  void remove(const std::string& container) const;

  struct Ran {
    int code = -1;
    std::string output;
  };
  Ran exec(const std::string& container, const std::vector<std::string>& command) const;

  // An image of busybox and these files, see busybox_archive(); `changes` are lines of a
  // Dockerfile.
  void import_image(const std::string& name, const std::string& tag,
                    const std::vector<std::string>& changes,
                    const std::map<std::string, std::string>& files = {}) const;
  // fairlead-test/live:1 and :2, which sleep, and :broken, which says "no database at db:3306" and
  // exits with 3. With a shell, an HTTP server, and nothing that says what they are for.
  void make_images() const;

 private:
  std::string socket_;
};

std::string name_of(const Json& listed);  // "blog.web.3f9c2a1b", of an entry of a list

}  // namespace fairlead::testing
