#pragma once

#include <map>
#include <string>
#include <vector>

#include "providers/nginx/site.h"

// The edge's configuration as text, for nginx 1.22 to 1.31. Pure and deterministic. Everything that
// is put in comes from typed grammars, and what was rendered is read anew (check_rendered).
//
// Files below the edge's folder, all but current.conf never changed once written:
//   current.conf                    "include generation.ID.conf;": what nginx is started with
//   generation.ID.conf              all that is not an app's, and one line for each site:
//                                   include sites/APP.ID.conf;  # ADDRESS ADDRESS
//   sites/APP.ID.conf               server and upstream blocks of one app
//   certificates/ID.pem             key and chain; nginx's master reads them
//   passwords/ID                    an htpasswd file; nginx's workers read it at every request, so
//                                   that their user must be able to
//   challenges/                     what an ACME client puts there is served to the CA, by workers
// nginx takes relative paths (includes, certificates, passwords) from the folder of the file that
// it is started with, so that a candidate is tested as DIFFERENT.conf in the same folder.
namespace fairlead::nginx {

// Where a managed edge has its folder.
inline constexpr char folder_in_container[] = "/etc/nginx/fairlead";

struct Version {
  int major = 1;
  int minor = 22;
  int patch = 0;
  auto operator<=>(const Version&) const = default;
};

// "http", "https" or "grpc".
const char* proto_name(Expose::Proto proto);

// One app's part, with everything that it needs beside.
struct Site {
  std::string text;
  std::map<std::string, Secret> files;  // path below the edge's folder → content
};
// `backends`: addresses without port, in order; empty: 503, or the maintenance page of a suspended
// app. `self_signed` is for the hosts that have no certificate by file.
Site render_site(const SiteSpec& spec, const std::vector<std::string>& backends,
                 const CertificatePtr& self_signed, const Platform& platform, Version version);

// What a generation says of one site.
struct Included {
  std::string id;
  std::vector<std::string> addresses;  // that its upstreams have
  bool operator==(const Included&) const = default;
};
using Index = std::map<std::string, Included>;  // app → its site

// The whole of generation.ID.conf. `id` is what nginx answers for `GET /generation` on the status
// port, as "VERSION ID\n".
std::string render_generation(const Platform& platform, const Index& index, const std::string& id,
                              Version version);
// The sites of a generation, out of its text. What is no line of the form above is passed over.
Index parse_index(const std::string& text);

// Names a content: 32 hex digits of its SHA-256.
std::string content_id(const std::string& content);

// Reads a rendered site anew, token by token, and compares its directives with what may be there:
// nothing that a host, a path or an address brought in. Errors: denied.
Result<void> check_rendered(const std::string& text);

}  // namespace fairlead::nginx
