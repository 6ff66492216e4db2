#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "providers/docker/seen.h"
#include "providers/provider.h"
#include "reconciler/resolve.h"

// What one app wants and what is seen of it, read from a few terse lines, so that a golden case
// or a random world is a text. A line of `seen` is one of:
//   container blog.web.NEW[.2] STATE [HEALTH] [named=X] [age=10s] [created=…] [started=…]
//     [finished=…] [restart=no] [exit=3] [restarts=2] [oom] [image=…] [memory=64M] [cpus=1]
//     [pids=9] [network=other] [detached] [network-id=n2] [probe=ok|failed] [uninspected]
//     [checks=60s (the engine, each so often; 10 s for each of three)]
//     [accepts=80] [refuses=80 (never accepted)] [ended=80 (did, three checks ago)]
//     [log: rest of line]
//   network blog 10.213.0.0/26 [id=n1] [foreign]        volume blog.data [foreign]
//   image acme/blog:1 present|missing|labelled          taken blog.web.NEW by whom
//   secret NEW:web:API_KEY | secret some/path           source api-key content of the file
//   service mariadb runs|attached (an app that others use; in this one's network)
//   subnet 10.9.0.0/16 (another network's)              claim 10.213.0.0/26 otherapp
//   counter 2 5s restart blog.web.NEW (how often, last) pool 10.213.0.0/25
//   counter 2 5s gate web NEW [why] (trials: failures)  ended web NEW 1 [with what] (of a job)
//   trials-lost (they cannot be read)
//   waiting for what                                    drop-data
//   defaults {resources: {memory: 2G}} (of the platform file)
//   storage blog.web.NEW 0:0 [www-data:33:34]           keeper a created (of the image "aaa…")
//   storage blog.web.NEW trouble: why it cannot be told
//   to-read acme/blog:1 (its manifest is not known)     reader a created (of the image "aaa…")
// NEW and OLD stand for the fingerprints of the manifest and of the one before it; any other word
// for a fingerprint of its own. Nothing here is shared between scenes.
namespace fairlead::testing {

struct Scene {
  std::shared_ptr<const Graph> wanted;  // null: the manifest is gone
  std::shared_ptr<const Graph> before;  // of the manifest that OLD stands for; null: none
  docker::SeenApp seen;
  docker::SeenEngine engine;
  std::map<std::string, docker::SeenApp> services;  // by name
  Platform platform;
  Session session;
  Memory memory;
  Claims claims;
  std::map<std::string, Secret> secrets;     // contents of the source folder
  std::map<std::string, std::string> words;  // first digits of a fingerprint → its word
  Instant now{std::chrono::hours(100), std::chrono::hours(480'000)};
  std::string waiting_for;
  std::string to_read;
  bool drop_data = false;

  View view() const;  // points into the scene
  // The plan's text and the report, with words for fingerprints.
  std::string plan_text() const;
  std::string report_text() const;
  // Executes nothing: what diff makes of the scene.
  std::pair<Plan, Report> diff() const;
  std::string with_words(std::string text) const;
};

const Keys& test_keys();
// What the providers make of an app where `services` are apps of this host, too.
Result<std::shared_ptr<const Graph>> graph_beside(const std::set<std::string>& services,
                                                  const App& app, const Platform& platform,
                                                  const std::map<std::string, Secret>& secrets);
const docker::ContainerSpec* spec_of(const Graph* graph, const std::string& process);
// Throws std::runtime_error that names a line that is wrong.
Scene parse_scene(const std::string& manifest, const std::string& before, const std::string& seen);

}  // namespace fairlead::testing
