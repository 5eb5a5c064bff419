{
  # What the other tests call is Linux's.
  "target_defaults": {
    "conditions": [["OS!='linux'", { "type": "none", "sources/": [["exclude", "\\.c$"]] }]]
  },
  "targets": [
    {
      "target_name": "posix",
      "sources": ["posix.c", "posix_constants.c", "posix_file.c", "posix_process.c", "posix_signal.c", "posix_socket.c", "posix_system.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"],
      "libraries": ["-lutil"]
    },
    {
      "target_name": "pipes",
      "sources": ["../../bench/peers/pipes.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"]
    },
    {
      # The same once more: a contestant of the benchmark that has pipes of its own.
      "target_name": "bare",
      "sources": ["../../bench/peers/pipes.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_c": ["-std=c11"]
    },
    {
      "target_name": "puppet",
      "type": "executable",
      "sources": ["puppet.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-pthread"],
      "cflags_c": ["-std=c11"],
      "ldflags": ["-pthread"],
      "conditions": [["OS!='linux'", { "type": "none" }]]
    }
  ]
}
