#pragma once

#include <optional>
#include <string>
#include <string_view>

// An image reference taken apart: who serves it, which repository, which tag or digest. A value.
namespace fairlead {

struct ImageRef {
  std::string registry;    // "docker.io", "ghcr.io", "127.0.0.1:5000": the key of logins
  std::string repository;  // at that registry: "library/nginx", "acme/blog"
  std::string name;        // as it was written, without tag and digest: "nginx"
  std::string tag;         // "latest" where neither tag nor digest is written; may be empty
  std::string digest;      // "sha256:…", or empty

  // Nothing where it is none (see is_image).
  static std::optional<ImageRef> parse(std::string_view image);
  // The same repository at a tag and a digest, either of which may be empty: "nginx:1@sha256:…".
  std::string at(const std::string& other_tag, const std::string& other_digest) const;
  // The same for all ways of writing it: "docker.io/library/nginx:latest".
  std::string whole() const;
  // Where its registry's API is: "ghcr.io:443", "registry-1.docker.io:443", "127.0.0.1:5000".
  std::string endpoint() const;
  // A registry on this host is spoken to in the clear, as the engine does.
  bool local() const;
};

// Whether the engine may take it for the id of an image, or the begin of one: "sha256:…", "3f9c2a".
bool names_image_id(std::string_view image);

}  // namespace fairlead
