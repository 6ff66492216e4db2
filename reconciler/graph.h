#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/served_certificates.h"

// All wanted resources of one app, in one stable order: what a resource needs stands before it.
// Built by resolve() from an App, immutable afterwards, shared with the passes that use it.
namespace fairlead {

// The part of a resource that only its provider understands.
struct Spec {
  virtual ~Spec() = default;
};

struct Resource {
  std::string kind;                // "network", "volume", "container", …
  std::string name;                // "blog", "blog.data", "blog.web"
  std::vector<std::string> needs;  // "kind name" of resources that must be in place first
  std::shared_ptr<const Spec> spec;
  std::string provider;  // who made it

  std::string id() const { return kind + " " + name; }
};

// What holds for the app whether its manifest says it or not, for `explain`.
struct Setting {
  std::string process;
  std::string name;    // "memory"
  std::string value;   // "1G", "none"
  std::string origin;  // "default; resources.memory", "blog.yml:9"
};

struct Graph {
  std::shared_ptr<const App> app;
  std::vector<Resource> resources;
  // What providers put into the environment of the app's containers, beneath what its manifest
  // says.
  std::map<std::string, std::string> env;
  // Apps whose containers must be attached to this app's network, each under its name as alias
  // ("mariadb"): the services that it uses. With it whether the app's new containers wait for the
  // service: not for the edge, which leads to them.
  std::map<std::string, bool> services;
  // What earlier versions made of the certificate files that are there now, where no word says the
  // scheme that the app is told, and `env` says another. Nothing: there is no such difference.
  std::optional<Scheme> scheme_by_file;
  // By host: what serves out of the operator's files, to be handed back as ResolveInput::served.
  std::map<std::string, ServedCertificate> served;
  // What providers demand of the app's main container, beneath what its manifest says.
  std::vector<HostMount> mounts;
  std::vector<Expose> publishes;   // each with `publish`
  std::vector<Setting> limits;     // of each process's containers
  std::vector<std::string> unmet;  // needs that no provider offers: nothing is done for this app
  // Why no container is made of it, while what runs is looked after; empty: nothing speaks against.
  std::string refused;
  std::string revision;  // names this wanted state: the fingerprints of its processes
};

}  // namespace fairlead
