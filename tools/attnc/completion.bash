# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Completion of attnc for bash. Options are those that `attnc COMMAND --help` lists: nothing to keep in step here.

_attnc_options() { # COMMAND
  attnc "$1" --help 2>/dev/null | sed -nE 's/^  (-[-a-zA-Z]+) .*/\1/p'
}

# What may stand for $2, the value of the option $1.
_attnc_values() {
  case $1 in
    --target) compgen -W "$(attnc targets 2>/dev/null | sed -nE 's/^  ([a-z]+:[^ ]+).*/\1/p')" -- "$2" ;;
    --emit)
      local head=
      [[ $2 == *,* ]] && head=${2%,*},
      compgen -P "$head" -W "so obj header asm llvm mlir" -- "${2##*,}" ;;
    --until) compgen -W "spec cascade route tile target" -- "$2" ;;
    --dump-dir | --cache-dir) compgen -d -- "$2" ;;
    -o) compgen -f -- "$2" ;;
    --in | --out)
      [[ $2 == *=* ]] || return 0
      { compgen -f -X '!*.npy' -- "${2#*=}"; compgen -d -- "${2#*=}"; } | sed "s|^|${2%%=*}=|" ;;
    --bind | --type | --tile | --size | --set | --kernel | --seed | --threads | --scale-data) ;;
    *) return 1 ;;
  esac
}

_attnc() {
  # Not COMP_WORDS: Readline takes --target=cpu:x for five words.
  local line=${COMP_LINE:0:COMP_POINT} words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local last=$((${#words[@]} - 1)) commands="build run check explain bench targets fmt new" command=build
  local word=${words[last]} replies
  [[ $last -gt 1 && " $commands " == *" ${words[1]} "* ]] && command=${words[1]}
  if [[ $word == --*=* ]] && replies=$(_attnc_values "${word%%=*}" "${word#*=}"); then
    [[ $replies ]] && replies=$(sed "s|^|${word%%=*}=|" <<<"$replies")
  elif replies=$(_attnc_values "${words[last - 1]}" "$word"); then
    :
  elif [[ $word == -* ]]; then
    replies=$(compgen -W "$(_attnc_options "$command")" -- "$word")
  else
    replies=$(((last == 1)) && compgen -W "$commands" -- "$word"
      compgen -f -X '!*.attn' -- "$word"
      compgen -d -- "$word")
  fi
  COMPREPLY=()
  [[ $replies ]] || return 0
  mapfile -t COMPREPLY <<<"$replies"
  compopt -o filenames 2>/dev/null # folders end in a slash
  # Readline keeps what stands before the last = or : of the word.
  local kept=${word%"${word##*[=:]}"}
  [[ $kept ]] && COMPREPLY=("${COMPREPLY[@]#"$kept"}")
  return 0
} && complete -F _attnc attnc
