#pragma once

#include <string>

#include "providers/docker/network.h"
#include "providers/docker/seen.h"
#include "providers/docker/specs.h"
#include "providers/provider.h"

// The requests that mend: one step, one request to the engine. Existing objects are addressed by
// their id, which is exact; new ones by the name that they will have, so that a plan is complete
// before anything is sent. Pure.
namespace fairlead::docker {

// Where a container is to be attached.
struct Attachment {
  std::string network;
  std::string address;  // IPv4 of its subnet
  std::vector<std::string> aliases;
};

// Times after which no answer counts as an unknown outcome, by class of call.
inline constexpr std::chrono::seconds create_timeout{30};
inline constexpr std::chrono::seconds start_timeout{60};
inline constexpr std::chrono::seconds pull_silence{120};

inline constexpr char login_header[] = "X-Registry-Auth";

class Steps {
 public:
  Steps(const Keys& keys, const Session& session);

  Step create_network(const std::string& app, const Subnet& subnet) const;
  Step remove_network(const SeenNetwork& network) const;
  Step create_reader(const Identity& reader, const std::vector<std::string>& volumes) const;
  Step create_keeper(const Identity& keeper, const std::vector<std::string>& volumes) const;
  Step own(const Identity& keeper, const FolderEntry& folder) const;  // of the app's volume
  Step remove_keeper(const Identity& keeper) const;
  Step remove_never_started(const NeverStarted& seen) const;
  Step create_volume(const std::string& app, const std::string& owner_mark) const;
  Step remove_volume(const std::string& name) const;
  // With the platform file's login at its registry, where there is one.
  Step pull(const std::string& image, bool with_login) const;

  Step create(const ContainerSpec& spec, int replica, const Attachment& attachment) const;
  Step start_new(const ContainerSpec& spec, int replica) const;
  Step start(const SeenContainer& container) const;
  Step restart(const SeenContainer& container) const;
  Step stop(const SeenContainer& container, Duration grace) const;
  Step unpause(const SeenContainer& container) const;
  Step remove(const SeenContainer& container) const;
  Step rename(const SeenContainer& container, const std::string& name) const;
  // Changes only what is set; `restart` empty leaves the policy.
  Step update(const SeenContainer& container, const std::optional<Limits>& limits,
              const std::string& restart) const;
  Step connect(const SeenContainer& container, const Attachment& attachment) const;
  Step disconnect(const SeenContainer& container, const std::string& network) const;

  // Whether what the container is about to mount may be mounted, right before that.
  static Step look(FileCall call, const std::string& container);
  static Step write_secret(const SecretFile& file);
  static Step remove_secret(const std::string& path);
  static Step wait(std::string resource);

 private:
  Step step(std::string verb, std::string resource, std::string method, std::string path,
            const Json& body = Json()) const;
  Step create_never_started(const Identity& identity, const Json& body) const;
  Step of(const SeenContainer& container, std::string verb, std::string path,
          const Json& body = Json()) const;
  Json endpoint(const Attachment& attachment) const;

  const Keys& keys_;
  std::string api_;
  bool newer_;  // the dialect of 1.44
};

}  // namespace fairlead::docker
