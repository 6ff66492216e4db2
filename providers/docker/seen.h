#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/docker/labels.h"
#include "providers/docker/specs.h"
#include "providers/provider.h"
#include "reconciler/archive.h"
#include "reconciler/ranges.h"
#include "reconciler/shared.h"

// What was seen of the engine's objects, decoded. Times are steady (see Instant): the engine's
// wall-clock times are turned into ages when they are read, so that a jump of the clock moves no
// deadline.
namespace fairlead::docker {

// How the engine checks a container's health, be it the image that says so or the manifest.
struct EngineCheck {
  Duration interval{0};
  Duration timeout{0};
  Duration start_period{0};  // failures before do not count
  int retries = 0;           // failures in a row that make it unhealthy
};

// What only inspect tells. Kept from pass to pass as long as nothing hints that it changed.
struct Detail {
  Duration created{0};
  Duration started{0};
  Duration finished{0};
  std::string started_text;  // as the engine writes it; names one start
  int exit_code = 0;
  int restart_count = 0;
  bool oom_killed = false;
  std::string health;      // "starting", "healthy", "unhealthy", or empty: no health check
  std::string health_log;  // output of the last check
  std::optional<EngineCheck> check;  // absent: the engine asks nothing
  std::string error;                 // why it could not start
  std::string image;                 // reference it was created with
  std::string restart;               // policy
  Duration stop_grace{0};            // of its own
  Limits limits;
  std::string last_log;  // last lines it wrote, read only where it failed
  bool log_read = false;
};

struct Endpoint {
  std::string network_id;
  std::string address;  // configured, else actual; empty: none
};

struct SeenContainer {
  std::string id;
  std::string name;
  std::string image_id;
  Identity identity;
  std::string fields;  // label: field digests
  std::string state;   // "created", "running", "paused", "restarting", "removing", "exited", "dead"
  std::string health;  // as far as the list's text tells
  Shared<std::map<std::string, Endpoint>> networks;  // by network name
  std::optional<Detail> detail;

  std::string canonical_name() const { return identity.name(); }
  // Kept, stopped, as evidence that its fingerprint failed the health gate: the name says so,
  // durably.
  bool failed() const { return name == canonical_name() + failed_suffix; }
  bool alive() const { return state == "running" || state == "paused" || state == "restarting"; }
  bool going() const { return state == "removing" || state == "dead"; }

  static constexpr char failed_suffix[] = ".failed";
};

struct SeenNetwork {
  std::string id;
  std::string name;
  bool ours = false;
  std::string subnet;  // "10.213.0.0/26"
};

struct SeenVolume {
  std::string name;
  bool ours = false;
  std::string trouble;  // why it must not be used though the name is right
};

// How soon to look whether the engine has finished a removal, should its event be lost.
inline constexpr std::chrono::milliseconds removal_poll{250};
// Likewise whether a port of the host that another program has is free.
inline constexpr std::chrono::seconds port_poll{10};

// An image that something is to be made of, or that is to be read.
struct SeenImage {
  std::string id;                    // "sha256:…"; empty: not on this host
  std::string manifest;              // its label fairlead.manifest; empty: none
  std::vector<std::string> volumes;  // VOLUME: "/var/lib/data"
  std::string refused;               // why nothing is made of it; empty: nothing speaks against it
};

// A container that is made and never started, proven ours: a reader (reader.h) or a keeper
// (storage.h).
struct NeverStarted {
  std::string id;
  std::string name;
  std::string app;
  std::string image_id;  // "sha256:…"
  std::string state;
};

// The app's volume, as it is seen through a container that was not started yet.
struct SeenStorage {
  std::optional<FolderEntry> folder;
  std::string passwd, group;  // the image's files, where names have to be looked up
  std::string trouble;        // why it is not known whose it is
};

struct SeenApp : Section {
  std::vector<SeenContainer> containers;  // proven ours, sorted by name
  std::vector<SeenNetwork> networks;      // by the name of the app's network, ours and foreign
  std::vector<SeenVolume> volumes;        // by the name of the app's volume, ours and foreign
  // Reference → image; asked only where something is to be created of it, or read.
  std::map<std::string, SeenImage> images;
  std::vector<NeverStarted> readers;
  std::vector<NeverStarted> keepers;
  std::map<std::string, SeenStorage> storage;  // by the id of the container
  // What a reader showed of the image that is to be read; absent: nothing yet. And why not.
  std::optional<ImageContent> read;
  std::string read_of;  // the id of that image
  std::string read_trouble;
  std::map<std::string, std::string> foreign;  // container name that is taken → by whom
  std::set<std::string> secret_files;          // relative paths that exist
  // What listens on the host; asked only where a container that is published is to be created.
  std::vector<Publish> listening;
  // Of other apps of ours, attached to this app's network; of their networks this one, at least.
  std::vector<SeenContainer> visitors;
  Duration as_of{0};
};

struct SeenEngine : Section {
  RangeSet subnets;                              // in use by any network
  std::map<std::string, std::string> image_ids;  // "app:latest" → "sha256:…"
};

}  // namespace fairlead::docker
