#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/result.h"
#include "reconciler/tenants.h"
#include "reconciler/url.h"

// The platform file (/etc/fairlead/fairlead.yml), typed: what the operator of the host decides.
// Immutable; read again on SIGHUP. Every member has the default that holds without a file.
namespace fairlead {

struct RegistryLogin {
  std::string user;
  std::string password_file;  // absolute; the content is read by live/ when it is needed
};

struct Platform {
  std::string domain = "localhost";  // base domain of default host names

  struct Folders {
    std::string manifests = "/etc/fairlead/manifests";
    std::string secrets = "/etc/fairlead/secrets";  // sources of `secrets: {X: {file: …}}`
    std::string state = "/var/lib/fairlead";
    std::string mounted_secrets = "/run/fairlead/secrets";  // files that containers mount; 0700
    std::string edge = "/var/lib/fairlead/edge";            // the edge's configuration
    std::string certificates =
        "/etc/fairlead/certificates";  // HOST.crt and HOST.key, as made by others
    std::vector<std::string> ignore;   // patterns of files that are no manifests (ignore.h)
    // Below the manifests: the operator's own folder, beside what lies on the top.
    std::string platform = "platform";
  } folders;
  std::string socket = "/run/fairlead/fairlead.sock";  // the control socket, 0660

  struct Engine {
    // "unix:///var/run/docker.sock" or "tcp://host:2376"; the environment's DOCKER_HOST,
    // DOCKER_CERT_PATH and DOCKER_TLS_VERIFY win where the file says nothing.
    std::string host = "unix:///var/run/docker.sock";
    std::string certificates;  // folder with ca.pem, cert.pem, key.pem for tcp; empty: no TLS
    int concurrency = 4;       // writing requests in flight, 1..64
    std::chrono::milliseconds resync{30'000};
  } engine;

  struct Network {
    std::string pool = "10.213.0.0/16";  // app networks are /26 subnets of it
  } network;

  // A shared service: run by fairlead as the app of the provider's name ("mariadb", "rabbitmq"), or
  // somewhere else.
  struct Service {
    bool external = false;
    std::string host;           // of an external one
    int port = 0;               // 3306; 5672
    int management_port = 0;    // of the message bus: 15672
    std::string user;           // an administrator of an external one
    std::string password_file;  // absolute
    bool tls = false;
    std::string ca_file;  // PEM; empty: the system's authorities
    bool operator==(const Service&) const = default;
  };
  Service database{false, "", 3306, 0, "", "", false, ""};
  Service messagebus{false, "", 5672, 15672, "", "", false, ""};

  // What leads from outside to the apps: nginx as the app "edge", or on the host itself.
  struct Edge {
    enum class Mode { managed, host, none };
    Mode mode = Mode::managed;
    // Of the host: where it is reached from outside.
    std::string address = "0.0.0.0";
    // A managed one listens on all addresses of the host, IPv4 and IPv6: no address is said, or
    // "::".
    bool both_families = true;
    // That apps are told of which say none; absent: https where ACME gets their certificates.
    std::optional<Scheme> scheme;
    int http_port = 80;
    int https_port = 443;
    // Where fairlead asks it for its generation: on the host on 127.0.0.1, else in the container.
    int status_port = 8404;
    // Proxies before it, whose X-Forwarded-* are believed: addresses or CIDR ranges.
    std::vector<std::string> trusted_proxies;
    // Most requests in flight from one address; 0: no limit.
    int connections_per_address = 100;
    // How long connections of before a reload may last, websockets too.
    std::chrono::milliseconds shutdown_timeout{3'600'000};
    // Of mode host: run by argument vector. "{config}" stands for the file that is to be tested.
    std::vector<std::string> test = {"nginx", "-t", "-q", "-c", "{config}"};
    std::vector<std::string> reload = {"nginx", "-s", "reload"};
    struct Acme {
      std::string email;         // empty: no certificates are asked for
      std::string directory;     // the CA's; empty: Let's Encrypt
      std::string ca_file;       // PEM, of the CA's own server; empty: the system's authorities
      std::string dns;           // the client's plugin for DNS-01 ("cloudflare"); empty: HTTP-01
      std::string dns_env_file;  // lines NAME=VALUE for the plugin
      int orders_per_week = 20;  // that fairlead makes at most, of all domains
    } acme;
  } edge;

  // What a container may use where its manifest says nothing. 0: no limit; absent: fairlead's own
  // default.
  struct Defaults {
    std::optional<std::int64_t> nano_cpus;
    std::optional<std::int64_t> memory;  // bytes
    std::optional<std::int64_t> pids;
  } defaults;

  // Empty: all folders are one operator's. Those of `edge.tenants` are among them.
  std::vector<Tenant> tenants;

  // Folders below which manifests may mount; empty: none.
  std::vector<std::string> mount_roots;

  // Addresses of the host that manifests may publish at, beside 127.0.0.1 and ::1; absent: all.
  std::optional<std::vector<std::string>> publish_addresses;

  // Registry host ("ghcr.io", "127.0.0.1:5000") → login. Absent: anonymous.
  std::map<std::string, RegistryLogin> registries;
  // Those that images may come from, beside those with a login; "*": all public ones, as where it
  // is absent (registries.h).
  std::optional<std::vector<std::string>> registries_allowed;

  struct Prune {
    int fuse_apps = 3;      // more than this many apps and …
    int fuse_percent = 30;  // … more than this share of all wait for `fairlead approve`
    std::chrono::milliseconds grace{10'000};  // from the manifest's absence until the removal
  } prune;

  struct Log {
    std::string format = "text";              // "text" | "json"
    std::int64_t container_bytes = 10 << 20;  // of one log file of a container
    int container_files = 3;
  } log;
};

struct ParsedPlatform {
  Platform platform;          // valid only where there is no error
  std::vector<Error> errors;  // each with its place
};

// Checked against schemas/platform.schema.json like a manifest. Nothing is thrown.
ParsedPlatform parse_platform(const std::string& file, std::string_view text);

}  // namespace fairlead
