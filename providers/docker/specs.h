#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/graph.h"
#include "reconciler/world.h"

// What is wanted of an engine's objects, typed: made by resolve.cc, read by the diff. Immutable.
namespace fairlead::docker {

// The parts that Docker changes live. 0 means no limit.
struct Limits {
  std::int64_t nano_cpus = 0;
  std::int64_t memory = 0;  // bytes
  std::int64_t pids = 0;
  bool operator==(const Limits&) const = default;
};

struct NetworkSpec : Spec {
  int prefix = 26;  // of its subnet: as large as twice its containers need
};

struct VolumeSpec : Spec {};

struct SecretFile {
  std::string name;  // in /run/secrets
  std::string path;  // relative to the folder of mounted secrets: "blog/API_KEY.1f2e3d4c"
  Secret content;
};

// One field of the fingerprint.
struct Field {
  std::string digest;  // six hex digits, keyed: tells that a value differs, not what it is
  std::string path;    // in the manifest, for its mark: "processes.worker.command"
};

// All containers of one process of an app.
struct ContainerSpec : Spec {
  std::string app;
  std::string process;
  std::string image;
  std::string image_id;     // what is to be run of what `image` may stand for; empty: whatever
  std::string fingerprint;  // 32 hex digits over `fields`
  std::map<std::string, Field> fields;  // name → digest; only what the manifest says
  Json body;                            // of the create request, without labels, limits, networks
  Json labels;                          // of the manifest and the informative ones of ours
  Limits limits;
  std::string restart;  // engine's word: "unless-stopped", "on-failure", "no"
  int replicas = 1;
  bool recreate = false;  // old and new cannot stand side by side
  bool once = false;      // runs to its end, once for each fingerprint
  bool stores = false;    // mounts the app's volume
  struct VolumeOwner {
    std::string text;   // "1000", "1000:1000", "www-data:www-data"
    std::string path;   // in the manifest
    bool said = false;  // as the storage's; else it is what the process runs as
  };
  std::optional<VolumeOwner> owner;  // of the app's volume; absent: whoever it belongs to
  std::string stored_at;             // where that is mounted
  // From its start until it must be healthy, as the manifest says; absent: see deadline_of().
  std::optional<Duration> deadline;
  Duration stop_grace{0};
  std::vector<SecretFile> secrets;
  std::vector<Publish> publishes;  // ports of the host

  struct HttpHealth {
    std::string path;
    int port = 0;
    std::string host;  // sent as Host; empty: the address
  };
  std::optional<HttpHealth> http;  // asked by fairlead
  // Where neither manifest nor image says a check: ports on which something must accept. Empty: it
  // is not asked.
  std::vector<int> ports;
  Duration health_interval{0};
  Duration health_timeout{0};
  Duration health_start_period{0};
  int health_retries = 3;

  std::string short_fingerprint() const { return fingerprint.substr(0, 8); }
};

}  // namespace fairlead::docker
