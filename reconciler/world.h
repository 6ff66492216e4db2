#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reconciler/call.h"
#include "reconciler/json.h"
#include "reconciler/platform.h"
#include "reconciler/quarantine.h"
#include "reconciler/secret.h"

// The seam between the loop and everything outside. Requests and events are values at wire level,
// so that encoders, decoders and the handling of 404 and 409 run in the simulator too. Whatever
// blocks, opens a socket, reads a clock or starts a thread is behind World: live/ for the real one,
// tests/sim/ for the simulated one.
namespace fairlead {

// Opens a stream of newline-delimited JSON (the engine's events). Gives one StreamOpened or
// StreamClosed; after StreamOpened any number of Hinted, one for each line, and of EventsLost; at
// the end StreamClosed. Closed by submitting Unsubscribe.
struct Subscribe {
  HttpCall call;
};
struct Unsubscribe {
  RequestId stream;
};

// Answers a Command. `status` is an HTTP status.
struct Reply {
  std::uint64_t command = 0;
  int status = 200;
  Json body;
};

// One line of the log. Empty members are left out of the line.
struct LogRecord {
  enum class Level { debug, info, warning, error };
  Level level = Level::info;
  std::string app;
  std::string verb;      // "create", "pass", "pull", …
  std::string resource;  // "container blog.web.3f9c2a1b"
  std::string cause;     // why; for a failure what came back and what to do
  std::string pass;      // the same on all lines of a pass
  std::optional<Duration> took;
};

struct Request {
  RequestId id = 0;
  std::variant<HttpCall, FileCall, SqlCall, ProcessCall, ConnectCall, Subscribe, Unsubscribe, Reply,
               LogRecord>
      what;
  Suspect suspect{};  // whom it is asked for
};

// One manifest file as read. The text is shared and unchanged files keep the same pointer from
// reading to reading.
struct ManifestFile {
  std::string path;  // relative to the watched folder: "team/blog.yml"
  std::shared_ptr<const std::string> text;
  std::string error;  // why it could not be read ("not a regular file", "larger than 1 MiB"); then
                      // text is null
};

inline constexpr char acme_prefix[] = "acme/";

// The whole manifest folder at one moment, and the contents of the secret and certificate files.
struct FolderReading {
  enum class State { ok, missing, unreadable };
  State state = State::ok;
  std::string folder;               // as configured, for messages
  std::string message;              // why it is not ok
  std::string revision;             // git commit (hex), or empty
  std::vector<ManifestFile> files;  // sorted by path
  std::map<std::string, Secret>
      secrets;  // path relative to the secret source folder → content; absent: no such file
  // Likewise of the certificate folders: "blog.example.org.crt", "blog.example.org.key"; those that
  // fairlead's own ACME client has got begin with acme_prefix.
  std::map<std::string, Secret> certificates;
};

struct Answered {
  RequestId request = 0;
  Answer answer;
};
struct Progressed {
  RequestId request = 0;
  std::string line;
};
struct StreamOpened {
  RequestId stream = 0;
};
struct Hinted {
  RequestId stream = 0;
  std::string line;
};
// The stream goes on, but something may have happened that no Hinted tells.
struct EventsLost {
  RequestId stream = 0;
  std::string why;  // "a line longer than 1048576 bytes was skipped"
};
struct StreamClosed {
  RequestId stream = 0;
  std::string error;
};
struct ManifestsChanged {
  std::shared_ptr<const FolderReading> reading;
};
struct PlatformChanged {  // SIGHUP; sent only with a valid file
  std::shared_ptr<const Platform> platform;
};
// Someone asks over the control socket. Every Command gets exactly one Reply.
struct Command {
  std::uint64_t id = 0;
  std::string verb;                          // "status", "explain", "images", "approve", "purge"
  std::map<std::string, std::string> words;  // named arguments: "app" → "blog"
};
struct Woken {};  // the deadline of wait() has passed
struct Stop {};   // SIGTERM or SIGINT

using Event = std::variant<Answered, Progressed, StreamOpened, Hinted, EventsLost, StreamClosed,
                           ManifestsChanged, PlatformChanged, Command, Woken, Stop>;

// Owned by the program, used from the one thread that runs the loop.
class World {
 public:
  virtual ~World() = default;
  virtual Instant now() = 0;
  // Never blocks; the result comes as an event. LogRecord, Reply and Unsubscribe have none.
  virtual void submit(Request request) = 0;
  // The next event, or Woken when `deadline` (steady) has passed and nothing else is there.
  virtual Event wait(Duration deadline) = 0;
};

}  // namespace fairlead
