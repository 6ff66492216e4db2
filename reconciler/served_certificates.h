#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "reconciler/secret.h"

// The certificates that serve, out of the operator's files: while a renewed pair does not fit, or
// cannot be read, what served before is still served, after a restart of the daemon, too. A value
// without I/O, owned by the Reconciler; kept in the state folder, with their keys.
namespace fairlead {

struct ServedCertificate {
  std::string source;  // "file blog.example.org.crt"
  Secret pem;          // key and chain
  bool operator==(const ServedCertificate&) const = default;
};

class ServedCertificates {
 public:
  using Hosts = std::map<std::string, ServedCertificate>;

  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(const std::string& app, std::string_view text);
  void set(const std::string& app, const Hosts& hosts);
  const Hosts& of(const std::string& app) const;     // by host
  std::set<std::string> take_changed();              // apps that set() changed since the last call
  std::string encode(const std::string& app) const;  // empty: there is nothing to keep

 private:
  std::map<std::string, Hosts> apps_;  // absent: none
  std::set<std::string> changed_;
};

}  // namespace fairlead
