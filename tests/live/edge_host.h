#pragma once

#include <string>

#include "tests/live/live_host.h"
#include "tests/live/load.h"
#include "tests/live/web_client.h"

// An installation whose edge runs, as deploy/platform/edge.yml describes it, with the image of
// deploy/images/nginx, at ports of 127.0.0.1 of its own; and apps of the image that
// tests/live/echo_app is alone in. The edge has fixed names on the engine: one of these at a time.
namespace fairlead::testing {

class EdgeHost {
 public:
  static constexpr int http_port = 18080;
  static constexpr int https_port = 18443;

  // `settings`: further lines of the platform file; with `mode: host` the nginx is the test's to
  // start. Fails the test where somebody else's edge is on this engine, or this one does not come
  // up.
  explicit EdgeHost(const std::string& settings = "");

  LiveHost& host() { return host_; }
  const LiveHost& host() const { return host_; }

  // An app of that version; `more` goes into its `expose` ("domains: [a.test], timeout: 5m"), and
  // `lines` below it.
  std::string manifest(const std::string& app, int version, const std::string& more = "",
                       const std::string& lines = "") const;
  // The same, dropped into the folder and waited for, until the edge serves that version.
  void deploy(const std::string& app, int version, const std::string& more = "",
              const std::string& lines = "");
  // Files of the operator's.
  void secret(const std::string& name, const std::string& content) const;
  void certificate(const std::string& name, const std::string& content) const;

  static std::string name_of(const std::string& app) { return app + ".edge.test"; }
  // GET of http://APP.edge.test/ by default, or https.
  WebRequest http(const std::string& app, const std::string& path = "/") const;
  WebRequest https(const std::string& app, const std::string& path = "/") const;
  bool serves(const std::string& app, int version) const;
  // Key and certificate of that host name; without a number of bits the key is a usual one.
  void put_certificate(const std::string& host, std::size_t rsa_bits) const;
  // Until it is so for all workers of nginx.
  void until_serves(const std::string& app, int version) const;
  void until_status(const std::string& what, const WebRequest& request, int status) const;

  std::string edge_id() const { return host_.only_id("edge"); }
  // The route of that host as `fairlead routes` says it; null: none.
  Json route(const std::string& host) const;
  // Process ids of nginx's workers, old ones too.
  int workers() const;

 private:
  LiveHost host_;
};

}  // namespace fairlead::testing
