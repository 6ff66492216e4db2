#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/hosts.h"
#include "reconciler/platform.h"

// Which app has which port of the host, over time: the first that publishes it keeps it as long as
// it says so. And which ports none may have: the edge's, those of addresses that the platform file
// does not allow. Values without I/O; who has what is kept in the state folder beside the owners of
// host names, so that a restart gives it to nobody else.
namespace fairlead {

// "0.0.0.0:25565", "[::1]:8080".
std::string port_text(const Publish& port);

// Whether no two programs can listen on both. "0.0.0.0" is every address of IPv4; "::" is every
// address, because a socket on it takes IPv4 as well unless it says otherwise.
bool overlap(const Publish& a, const Publish& b);

// The sockets that listen, of the text of /proc/net/tcp or tcp6 (proc(5)). Lines that are none are
// left out.
std::vector<Publish> listening(std::string_view table);

// Whether containers may be published at this address of the host: 127.0.0.1 and ::1 always.
bool address_allowed(const Platform& platform, const std::string& address);

// What the edge listens on, wherever one is.
std::vector<Publish> edge_ports(const Platform::Edge& edge);

class PortOwners {
 public:
  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(std::string_view text);
  // Takes what all apps publish now: app → ports. Gives the apps that have or lack others than
  // before.
  std::set<std::string> update(std::map<std::string, std::vector<Publish>> claims);
  // Whether a port has another owner, or none, since the last update().
  bool owners_changed() const { return owners_changed_; }
  // Ports that the app publishes and does not have, as port_text() has them → whose they are.
  const std::map<std::string, std::string>& lost(const std::string& app) const {
    return lost_by(app, lost_);
  }
  // Empty: nobody has any.
  std::string encode() const;

 private:
  using Owners = std::map<std::string, std::vector<Publish>>;  // app → its ports, in order
  bool owners_changed_ = false;
  Owners claims_;  // as of the last update()
  Owners owners_;
  Lost lost_;
};

// Why no container may be made of the app, with the place in its manifest; empty: its ports are no
// reason. `edge`: there is one. `lost`: as PortOwners has it.
std::string refused_port(const App& app, const Platform& platform, bool edge,
                         const std::map<std::string, std::string>& lost);

// What only one app can have, and whose it is.
struct Owners {
  HostOwners hosts;
  PortOwners ports;
  MountOwners mounts;

  static constexpr char ports_file[] = "ports";  // this and the next: beside that of the host names
  static constexpr char mounts_file[] = "mounts";
  // `file`: its name in the state folder, without the ending.
  void restore(const std::string& file, std::string_view text);
  std::string encode(const std::string& file) const;
};

}  // namespace fairlead
