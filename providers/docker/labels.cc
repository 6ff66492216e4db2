#include "providers/docker/labels.h"

#include <charconv>

namespace fairlead::docker {
namespace {

std::string sign(const Keys& keys, const Identity& identity) {
  return keys.digest("signature", identity.kind + "\n" + identity.name() + "\n" + identity.app +
                                      "\n" + identity.fingerprint +
                                      (identity.owner.empty() ? "" : "\n" + identity.owner));
}

// Equal length and content, in a time that does not depend on where they differ.
bool same_digest(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

bool is_never_started(std::string_view kind) { return kind == "reader" || kind == "keeper"; }

}  // namespace

std::string network_name(const std::string& app) { return app == edge_app ? edge_network : app; }

std::string app_of_network(const std::string& network) {
  return network == edge_network ? edge_app : network;
}

std::string Identity::name() const {
  if (kind == "network") return network_name(app);
  if (kind == "volume") return app + ".data";
  if (is_never_started(kind)) {
    const std::size_t digits = fingerprint.find(':') + 1;
    return app + (kind == "reader" ? ".manifest." : ".storage.") +
           fingerprint.substr(digits, image_id_in_name);
  }
  std::string made = app + "." + process + "." + fingerprint.substr(0, fingerprint_in_name);
  if (replica > 1) made += "." + std::to_string(replica);
  return made;
}

Json owner_labels(const Keys& keys, const Identity& identity) {
  Json labels = Json::object({{label::installation, keys.installation()},
                              {label::app, identity.app},
                              {label::schema, schema_version}});
  if (identity.kind == "container") {
    labels.set(label::process, identity.process);
    labels.set(label::replica, std::to_string(identity.replica));
    labels.set(label::fingerprint, identity.fingerprint);
  }
  if (is_never_started(identity.kind)) labels.set(label::image, identity.fingerprint);
  if (!identity.owner.empty()) labels.set(label::owner, identity.owner);
  labels.set(label::signature, sign(keys, identity));
  return labels;
}

Identity claimed_identity(std::string_view kind, const Json& labels) {
  Identity identity;
  identity.kind = kind;
  identity.app = labels[label::app].as_string();
  identity.process = labels[label::process].as_string();
  identity.fingerprint =
      labels[is_never_started(kind) ? label::image : label::fingerprint].as_string();
  if (kind == "volume") identity.owner = labels[label::owner].as_string();
  const std::string& replica = labels[label::replica].as_string();
  std::from_chars(replica.data(), replica.data() + replica.size(), identity.replica);
  return identity;
}

bool proven(const Keys& keys, const Identity& identity, const Json& labels) {
  return labels[label::installation].as_string() == keys.installation() &&
         same_digest(labels[label::signature].as_string(), sign(keys, identity));
}

}  // namespace fairlead::docker
