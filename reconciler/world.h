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

#include "reconciler/json.h"
#include "reconciler/platform.h"
#include "reconciler/secret.h"

// The seam between the loop and everything outside. Requests and events are values at wire level,
// so that encoders, decoders and the handling of 404 and 409 run in the simulator too. Whatever
// blocks, opens a socket, reads a clock or starts a thread is behind World: live/ for the real one,
// tests/sim/ for the simulated one.
namespace fairlead {

using Duration = std::chrono::nanoseconds;

// `steady` never jumps and is what deadlines are made of; `wall` is since the Unix epoch, what
// people and engines write.
struct Instant {
  Duration steady{0};
  Duration wall{0};
};

using RequestId = std::uint64_t;  // chosen by the loop, never used twice in a process, never 0

// Who asks a service. The password is `password`, or the first line of `password_file` (absolute),
// which is read when the call is made.
struct Login {
  std::string user;
  Secret password;
  std::string password_file;
};

// TLS to a service, with the server's name checked.
struct Tls {
  std::string ca_file;  // PEM; empty: the system's authorities
};

// One HTTP request. `endpoint` is "engine" (the engine of the platform file) or "HOST:PORT" (a
// container, a service, a registry). The answer comes as one Answered; with `progress`, lines of
// the body come as Progressed meanwhile (at most one per second), and the answer's body then holds
// only the lines that contain "error".
struct HttpCall {
  std::string endpoint = "engine";
  std::string method = "GET";
  std::string path;  // with query, percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;            // JSON unless a header says otherwise
  std::optional<Login> login;  // Basic authentication
  std::optional<Tls> tls;      // absent: plain; of "engine" the platform file decides
  // Until the answer must be complete; with `progress`, the longest silence between two pieces of
  // it.
  std::chrono::milliseconds timeout{5000};
  bool progress = false;
  std::size_t body_max = 64u << 20;  // a longer answer is cut off and counts as none

  bool writes() const { return method != "GET" && method != "HEAD"; }
};

// One SQL statement to a MariaDB server. Answered with status 200 and, as body, a JSON array of the
// rows, each an array of texts and nulls (empty for what gives no rows); or with the server's error
// number (1045, 1396: never below 1000) and its message as body and error. No answer (status 0)
// where the connection could not be made or was lost.
struct SqlCall {
  std::string endpoint;  // "HOST:PORT"
  Login login;
  std::optional<Tls> tls;
  std::string statement;
  bool write = false;
  std::chrono::milliseconds timeout{5000};

  bool writes() const { return write; }
};

// Opens a stream of newline-delimited JSON (the engine's events). Gives one StreamOpened or
// StreamClosed; after StreamOpened any number of Hinted, one for each line; at the end
// StreamClosed. Closed by submitting Unsubscribe.
struct Subscribe {
  HttpCall call;
};
struct Unsubscribe {
  RequestId stream;
};

// One act on a file below one of the daemon's own folders; `path` is relative and has neither ".."
// nor an empty part. Answered with 200, 404 (list and remove of what is not there) or 500 with
// `error` (a full disk, say). A write is atomic (written beside, renamed) and creates folders;
// `list` answers a JSON array of the paths of all regular files below `path`, relative to the area
// as `path` itself is; `remove` takes a file or a whole folder.
struct FileCall {
  enum class Act { write, remove, list };
  enum class Area {
    state,
    secrets
  };  // /var/lib/fairlead; the folder whose files are mounted into containers
  Act act = Act::write;
  Area area = Area::state;
  std::string path;
  Secret content;
  unsigned mode = 0600;

  bool writes() const { return act != Act::list; }
};

// What is answered by one Answered.
using Call = std::variant<HttpCall, FileCall, SqlCall>;

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
  std::variant<HttpCall, FileCall, SqlCall, Subscribe, Unsubscribe, Reply, LogRecord> what;
};

// What came back. `status` 0 is no answer (refused, timed out, cut off, too long): the outcome is
// unknown.
struct Answer {
  int status = 0;
  std::string body;
  std::string error;  // for status 0, and for a failed FileCall, in words
  // Of an HttpCall, names in lower case; of one that came more than once, joined with ", ". Only
  // those that a registry's conversation needs: www-authenticate, link, docker-content-digest,
  // retry-after. Absent: not sent.
  std::map<std::string, std::string> headers{};

  bool answered() const { return status != 0; }
  bool ok() const { return status >= 200 && status < 300; }
};

// One manifest file as read. The text is shared and unchanged files keep the same pointer from
// reading to reading.
struct ManifestFile {
  std::string path;  // relative to the watched folder: "team/blog.yml"
  std::shared_ptr<const std::string> text;
  std::string error;  // why it could not be read ("not a regular file", "larger than 1 MiB"); then
                      // text is null
};

// The whole manifest folder at one moment, and the contents of the secret files.
struct FolderReading {
  enum class State { ok, missing, unreadable };
  State state = State::ok;
  std::string folder;               // as configured, for messages
  std::string message;              // why it is not ok
  std::string revision;             // git commit (hex), or empty
  std::vector<ManifestFile> files;  // sorted by path
  std::map<std::string, Secret>
      secrets;  // path relative to the secret source folder → content; absent: no such file
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

using Event = std::variant<Answered, Progressed, StreamOpened, Hinted, StreamClosed,
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
