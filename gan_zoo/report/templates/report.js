"use strict";
(function () {
  const dialog = document.getElementById("enlarged");
  if (!dialog || !dialog.showModal) return;
  const picture = dialog.querySelector("img");
  const words = dialog.querySelector("p");
  document.querySelectorAll("[data-enlarge]").forEach(function (button) {
    button.addEventListener("click", function () {
      const source = button.querySelector("img");
      picture.src = source.src;
      picture.alt = source.alt;
      words.textContent = source.alt;
      dialog.showModal();
    });
  });
  dialog.addEventListener("click", function () { dialog.close(); });
})();
