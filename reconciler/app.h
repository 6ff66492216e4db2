#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reconciler/document.h"
#include "reconciler/url.h"
#include "reconciler/versions.h"

// One valid manifest, typed. Made only by parse_app(), so that a held App is valid. An absent
// optional means that the manifest does not say it: defaults are applied by resolve, and only what
// is said goes into a fingerprint.
namespace fairlead {

using Milliseconds = std::chrono::milliseconds;

struct Update {
  Track track;
  Milliseconds interval = std::chrono::minutes(5);
};

struct Publish {
  std::string address = "127.0.0.1";  // of the host
  int port = 0;                       // of the host
  bool both_families = false;  // of all addresses of the host, IPv4 and IPv6, whatever `address` is
  bool operator==(const Publish&) const = default;
};

struct Expose {
  enum class Proto { http, https, grpc, tcp };
  Proto proto = Proto::http;
  int port = 0;  // in the container
  std::optional<Publish>
      publish;  // `publish: 25565` or `publish: "0.0.0.0:25565"`; tcp as well as http may say it
  std::vector<std::string> domains;  // lower case, checked; an optional leading "*."
  std::optional<Scheme> scheme;      // that the app is told of; absent: the platform file's
  std::string path = "/";
  std::optional<std::int64_t> body_limit;    // bytes
  std::optional<std::int64_t> header_limit;  // bytes, of an answer's headers
  // How long the app may be silent, in a request and in an answer, before the edge gives up.
  std::optional<Milliseconds> timeout;
  bool buffering = true;  // of answers; server-sent events want none
  bool gzip = true;
  std::optional<bool> redirect;      // http to https; absent: where there is a certificate
  std::optional<Milliseconds> hsts;  // max-age of Strict-Transport-Security; absent: none is sent
  std::optional<std::string> auth;   // htpasswd file, relative to the secret source folder
  std::vector<std::string> allow;    // addresses and CIDR ranges; empty: everybody
};

struct Storage {
  std::string path = "/data";
  std::optional<std::int64_t> size;  // bytes; a wish: no file system here enforces it
  // Exclusive storage (the default) is held by the main process alone, by one container at a time,
  // so deploys recreate. Shared storage is mounted in every process and replica, and deploys roll.
  bool shared = false;
  std::optional<std::string>
      owner;  // "1000:1000", or names of the image; absent: see App::main.user
};

struct AccountNeed {                   // database, messagebus
  std::optional<std::string> reclaim;  // "retain" | "delete"
  std::optional<int> connections_max;
  int rotation = 1;
  // Of messagebus alone: how many queues, and bytes of messages in each.
  std::optional<int> queues_max;
  std::optional<std::int64_t> queue_size;
};

struct Needs {
  std::optional<AccountNeed> database;
  std::optional<AccountNeed> messagebus;
  std::optional<Storage> storage;
};

struct SecretSource {
  std::optional<std::string> file;  // relative to the secret source folder of the platform file
  std::optional<int>
      generate;         // characters, 8..128, derived from the installation key: always the same
  bool as_env = false;  // else a file in /run/secrets
};

struct HostMount {
  std::string host;  // absolute, normalised
  std::string path;  // absolute, in the container
  bool read_only = false;
};

struct Resources {
  std::optional<std::int64_t> nano_cpus;  // 0.5 cpus = 500'000'000
  std::optional<std::int64_t> memory;     // bytes, at least 6 MiB
  std::optional<std::int64_t> pids;
  bool operator==(const Resources&) const = default;
};

struct HealthCheck {
  // http: asked by fairlead at the container's address; command: run by the engine inside; none of
  // the two: `disable: true` or only the times are given and the image's HEALTHCHECK is used.
  std::optional<std::string> http;  // path, begins with "/"
  std::optional<int> port;          // default: the first `expose`
  std::optional<std::string> host;  // sent as Host; default: the first domain, else the address
  std::optional<std::vector<std::string>> command;
  bool disable = false;
  std::optional<Milliseconds> interval;
  std::optional<Milliseconds> timeout;
  std::optional<Milliseconds> start_period;
  std::optional<int> retries;
};

struct Deploy {
  enum class Strategy { rolling, recreate };
  std::optional<Strategy> strategy;  // absent: recreate where exclusive storage or a published port
                                     // demands it, else rolling
  std::optional<int> replicas;       // 0..100
  std::optional<Milliseconds> deadline;
  std::optional<Milliseconds> drain;
};

enum class Restart { always, on_failure, never };
enum class Reclaim { retain, remove };
enum class Security { standard, strict };

// What both the main process and each of `processes` may say.
// So many bytes of labels, environment, command and entrypoint may one process have: the engine
// repeats them in lists and events.
inline constexpr int process_words_max = 64 << 10;

struct ProcessSettings {
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  std::optional<std::string> stop_signal;
  std::optional<Milliseconds> stop_grace;
  std::vector<std::string> tmpfs;          // absolute paths
  std::map<std::string, std::string> env;  // of the process; the app's come first
  Resources resources;
  std::optional<HealthCheck> health;
  std::optional<Restart> restart;
  std::optional<int> replicas;  // the main process takes deploy.replicas instead
};

struct App {
  std::string name;
  std::string image;             // empty is valid only where an image's own manifest is read
  std::optional<Update> update;  // how newer images are found; absent: not at all
  std::vector<Expose> expose;
  Needs needs;
  std::map<std::string, std::string> env;
  std::map<std::string, SecretSource> secrets;
  ProcessSettings main;                              // the process "web"
  std::map<std::string, ProcessSettings> processes;  // runners by name; never "web"
  std::map<std::string, std::string> hosts;          // name → address, into /etc/hosts
  std::vector<HostMount> mounts;
  std::vector<std::string> after;
  Deploy deploy;
  bool suspend = false;
  Reclaim reclaim = Reclaim::retain;
  Security security = Security::standard;
  std::map<std::string, std::string> labels;
  std::vector<Error> warnings;  // valid, and most likely not what was meant; each with its place

  // The document it was made of: the text for `explain` and the last good copy, and the marks for
  // causes.
  std::shared_ptr<const Document> document;
  // "blog.yml:2" of the field at `path`, or of its nearest ancestor.
  std::string where(const std::string& path) const;
};

struct ParsedApp {
  std::string
      name;  // also where the rest is invalid, so that the app can be frozen; empty: not even that
  std::optional<App> app;     // only where there is no error
  std::vector<Error> errors;  // all of them, each with its place
};

// Checks the document against schemas/app.schema.json and builds the App; then the rules that a
// schema cannot say (units and overflow, ports published twice, an exclusive storage with replicas,
// label names that are ours, a `file` secret that leaves its folder, health.http without a port).
// Error texts: "blog.yml:7:3: expose[0].port: must be 1..65535, got 70000".
ParsedApp parse_app(const Document& document);

// All apps of a file, and every error in it. Nothing is thrown.
struct ParsedManifest {
  std::vector<ParsedApp> apps;
  std::vector<Error>
      errors;  // of the file as a whole and of all its apps, in the order of their places
};
ParsedManifest parse_manifest(const std::string& file, std::string_view text);

}  // namespace fairlead
