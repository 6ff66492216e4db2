#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reconciler/secret.h"

// What the loop asks of the outside and gets an answer to: HTTP, SQL, files, programs and TCP
// ports, as values at wire level. Plain data; carried out by a World.
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
  std::size_t body_enough = 0;       // so much of a longer body is all that is wanted; 0: all of it
  // Of a good answer, which is JSON, only the members at these paths (json_sieve.h); empty: all.
  // What is not kept does not count to body_max.
  std::vector<std::string> keep{};

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

// One act on a file below one of the daemon's own folders; `path` is relative and has neither ".."
// nor an empty part. Answered with 200, 404 (list and remove of what is not there) or 500 with
// `error` (a full disk, say). A write is atomic (written beside, renamed) and creates folders;
// `list` answers a JSON array of the paths of all regular files below `path`, relative to the area
// as `path` itself is; `read` answers the content of a file of at most 16 MiB; `remove` takes a
// file or a whole folder.
struct FileCall {
  enum class Act { write, remove, list, read };
  // /var/lib/fairlead; the folder whose files are mounted into containers; the edge's
  // configuration; /proc/self/net, which is only read ("tcp": what listens on the host).
  enum class Area { state, secrets, edge, sockets };
  Act act = Act::write;
  Area area = Area::state;
  std::string path;
  Secret content;
  unsigned mode = 0600;

  bool writes() const { return act == Act::write || act == Act::remove; }
};

// A program that is run to its end: in a container, or on the host itself. Answered with 200 where
// it ended with 0, 500 where it ended otherwise (`error`: "exit code 1"), 404 where there is no
// such container or program, 409 where the container does not run; what it wrote, both streams, is
// the body (at most the last 64 KiB). No answer (status 0) where its end is not known.
struct ProcessCall {
  std::string container;               // its id; empty: on the host
  std::vector<std::string> arguments;  // the program first; no shell is between
  std::vector<std::pair<std::string, std::string>> environment;  // beside what the place has
  // Likewise, of lines NAME=VALUE: absolute, read when the call is made (on the host only), so that
  // what is in it stands nowhere else. One that cannot be read is answered with 500.
  std::string environment_file;
  bool write = false;                         // changes something outside
  std::chrono::milliseconds timeout{10'000};  // on the host it is ended then

  bool writes() const { return write; }
};

// Whether something accepts TCP connections. Answered with 200 where one could be made, which is
// ended again at once; else with status 0 and why ("connection refused").
struct ConnectCall {
  std::string endpoint;  // "ADDRESS:PORT"
  std::chrono::milliseconds timeout{5000};

  bool writes() const { return false; }
};

// What is answered by one Answered.
using Call = std::variant<HttpCall, FileCall, SqlCall, ProcessCall, ConnectCall>;

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
  bool too_long = false;  // no answer because it was longer than allowed

  bool answered() const { return status != 0; }
  bool ok() const { return status >= 200 && status < 300; }
};

}  // namespace fairlead
